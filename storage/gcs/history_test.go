package gcs

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	gcs "cloud.google.com/go/storage"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// hide deletes as somebody does who names no generation.
func hide(t *testing.T, bucket *Bucket, key string) {
	t.Helper()
	if err := bucket.handle.Object(bucket.name(key)).Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// overwrite writes as somebody does who asks for no condition.
func overwrite(t *testing.T, bucket *Bucket, key, content string) {
	t.Helper()
	w := bucket.handle.Object(bucket.name(key)).NewWriter(t.Context())
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestHistory brings back what a stranger deleted or overwrote, and then tidies.
func TestHistory(t *testing.T) {
	bucket := openWith(t, below(newBucket(t, storagetest.FakeGCS(t), true)), quick())
	for _, key := range []string{"v1/deleted", "v1/overwritten", "v1/pruned", "v1/untouched", "v2/pruned"} {
		storagetest.Put(t, bucket, key, []byte("good"))
	}
	listed := storagetest.List(t, bucket, "v1/")
	at := listed[0].Stored
	for _, obj := range listed {
		if obj.Stored.After(at) {
			at = obj.Stored
		}
	}
	hide(t, bucket, "v1/deleted")
	hide(t, bucket, "v1/pruned")
	hide(t, bucket, "v2/pruned")
	overwrite(t, bucket, "v1/overwritten", "bad")
	wantAt := func(at time.Time, want string) {
		t.Helper()
		var got []string
		for obj, err := range bucket.ListAt(t.Context(), "v1/", at) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, obj.Key+"="+string(storagetest.Read(t, bucket, obj)))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("ListAt %v: got %q, want %q", at, got, want)
		}
	}
	wantAt(at, "v1/deleted=good v1/overwritten=good v1/pruned=good v1/untouched=good")
	wantAt(at.Add(time.Hour), "v1/overwritten=bad v1/untouched=good")

	keep := func(key string) bool { return key == "v1/deleted" }
	for _, want := range []int{1, 0} {
		if removed, err := bucket.Tidy(t.Context(), "v1/", keep); err != nil || removed != want {
			t.Errorf("Tidy: removed %d, error %v, want %d", removed, err, want)
		}
	}
	wantAt(at, "v1/deleted=good v1/overwritten=good v1/untouched=good")
}

func TestProperties(t *testing.T) {
	bucket := &Bucket{options: Options{Prefix: "ours"}}
	expire := func(prefixes ...string) gcs.Lifecycle {
		return gcs.Lifecycle{Rules: []gcs.LifecycleRule{{
			Action: gcs.LifecycleAction{Type: gcs.DeleteAction}, Condition: gcs.LifecycleCondition{AgeInDays: 1, MatchesPrefix: prefixes},
		}}}
	}
	for name, test := range map[string]struct {
		attrs gcs.BucketAttrs
		want  [4]storage.State // versioning, lock, lifecycle, public access
	}{
		"bare":          {gcs.BucketAttrs{}, [4]storage.State{"off", "off", "off", "on"}},
		"versions":      {gcs.BucketAttrs{VersioningEnabled: true}, [4]storage.State{"on", "off", "off", "on"}},
		"retention":     {gcs.BucketAttrs{RetentionPolicy: &gcs.RetentionPolicy{RetentionPeriod: time.Hour}}, [4]storage.State{"off", "on", "off", "on"}},
		"object lock":   {gcs.BucketAttrs{ObjectRetentionMode: "Enabled"}, [4]storage.State{"off", "on", "off", "on"}},
		"rule for all":  {gcs.BucketAttrs{Lifecycle: expire()}, [4]storage.State{"off", "off", "on", "on"}},
		"rule for us":   {gcs.BucketAttrs{Lifecycle: expire("theirs/", "ours/v1/")}, [4]storage.State{"off", "off", "on", "on"}},
		"rule for them": {gcs.BucketAttrs{Lifecycle: expire("theirs/")}, [4]storage.State{"off", "off", "off", "on"}},
		"private":       {gcs.BucketAttrs{PublicAccessPrevention: gcs.PublicAccessPreventionEnforced}, [4]storage.State{"off", "off", "off", "off"}},
	} {
		p := bucket.properties(&test.attrs)
		if got := [4]storage.State{p.Versioning.State, p.Lock.State, p.Lifecycle.State, p.PublicAccess.State}; !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestInspect(t *testing.T) {
	through := newProxy(t, storagetest.FakeGCS(t))
	bucket := openWith(t, through.Options, quick())
	if p, err := bucket.Inspect(t.Context()); err != nil || p.Versioning.State != storage.On {
		t.Errorf("Inspect: got %+v, error %v, want versioning", p, err)
	}
	through.Break("GET bucket", 99, storagetest.RefuseGCS(403, "forbidden", "storage.buckets.get denied"))
	if p, err := bucket.Inspect(t.Context()); err != nil || p.Versioning.State != storage.Unknown || p.Lock.State != storage.Unknown {
		t.Errorf("Inspect without the right to: got %+v, error %v, want all unknown", p, err)
	}
}

func TestOptionsRefused(t *testing.T) {
	write := func(content string) string {
		file := filepath.Join(t.TempDir(), "credentials.json")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for want, options := range map[string]Options{
		"no bucket is named":             {},
		"prefix":                         {Bucket: "b", Prefix: "a/../b"},
		"read credentials from /nowhere": {Bucket: "b", CredentialsFile: "/nowhere"},
		"it names no type":               {Bucket: "b", CredentialsFile: write("{}")},
		"invalid character":              {Bucket: "b", CredentialsFile: write("key")},
	} {
		if _, err := Open(t.Context(), options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%+v): got error %v, want %q", options, err, want)
		}
	}
}

// TestDeleteLeavesNothing in a bucket that keeps old generations.
func TestDeleteLeavesNothing(t *testing.T) {
	bucket := openWith(t, below(newBucket(t, storagetest.FakeGCS(t), true)), quick())
	pinned := storagetest.Put(t, bucket, "pinned", nil)
	storagetest.Put(t, bucket, "key", nil)
	for _, obj := range []storage.Object{pinned, {Key: "key"}} {
		if err := bucket.Delete(t.Context(), obj); err != nil {
			t.Errorf("Delete %s: %v", obj.Key, err)
		}
	}
	for generations, err := range bucket.histories(t.Context(), "") {
		t.Errorf("the bucket keeps %d generations of %s, error %v", len(generations), generations[0].Name, err)
	}
}
