package s3

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// hide deletes as somebody does who names no version: the store sets a marker.
func hide(t *testing.T, bucket *Bucket, key string) {
	t.Helper()
	if _, err := bucket.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket.options.Bucket, Key: bucket.name(key)}); err != nil {
		t.Fatal(err)
	}
}

// overwrite writes as somebody does who asks for no condition.
func overwrite(t *testing.T, bucket *Bucket, key, content string) {
	t.Helper()
	_, err := bucket.client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &bucket.options.Bucket, Key: bucket.name(key), Body: strings.NewReader(content),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestHidden reads by its version what a stranger deleted or overwrote. Which version was
// current when, TestVersionPages tests on answers of its own: this server gives a version a
// new time when something takes its place.
func TestHidden(t *testing.T) {
	bucket := open(t, below(newBucket(t, storagetest.VersityGW(t), withVersions), t))
	deleted := storagetest.Put(t, bucket, "deleted", []byte("good"))
	overwritten := storagetest.Put(t, bucket, "overwritten", []byte("good"))
	hide(t, bucket, "deleted")
	overwrite(t, bucket, "overwritten", "bad")
	listed := storagetest.List(t, bucket, "")
	if len(listed) != 1 || listed[0].Key != "overwritten" || listed[0].Version == overwritten.Version {
		t.Errorf("List: got %v, want what overwrote", listed)
	}
	for _, obj := range []storage.Object{deleted, overwritten} {
		if got := storagetest.Read(t, bucket, obj); string(got) != "good" {
			t.Errorf("Open of the version of %s: got %q", obj.Key, got)
		}
	}
}

func TestDeleteLeavesNoMarker(t *testing.T) {
	bucket := open(t, below(newBucket(t, storagetest.VersityGW(t), withVersions), t))
	pinned := storagetest.Put(t, bucket, "pinned", nil)
	for name, delete := range map[string]func() error{
		"Delete":                    func() error { return bucket.Delete(t.Context(), pinned) },
		"Delete without a version":  func() error { return bucket.Delete(t.Context(), storage.Object{Key: "key-1"}) },
		"DeleteAll without version": func() error { return bucket.DeleteAll(t.Context(), []storage.Object{{Key: "key-2"}})[0] },
	} {
		storagetest.Put(t, bucket, "key-1", nil)
		storagetest.Put(t, bucket, "key-2", nil)
		storagetest.Put(t, bucket, "pinned", nil)
		if err := delete(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, obj := range storagetest.List(t, bucket, "") {
			if err := bucket.Delete(t.Context(), obj); err != nil {
				t.Error(err)
			}
		}
		wantVersions(t, bucket, 0)
		pinned = storagetest.Put(t, bucket, "pinned", nil)
	}
	// Of an overwritten object, the current version alone.
	overwrite(t, bucket, "pinned", "newer")
	if err := bucket.Delete(t.Context(), storage.Object{Key: "pinned"}); err != nil {
		t.Error(err)
	}
	wantVersions(t, bucket, 1)
}

func TestTidy(t *testing.T) {
	bucket := open(t, below(newBucket(t, storagetest.VersityGW(t), withVersions), t))
	for _, key := range []string{"v1/pruned", "v1/stolen", "v1/attacked", "v1/current", "v2/pruned"} {
		storagetest.Put(t, bucket, key, []byte("good"))
	}
	overwrite(t, bucket, "v1/pruned", "twice")
	overwrite(t, bucket, "v1/attacked", "bad")
	for _, key := range []string{"v1/pruned", "v1/stolen", "v2/pruned"} {
		hide(t, bucket, key)
	}
	wantVersions(t, bucket, 10)
	keep := func(key string) bool { return key == "v1/stolen" }
	removed, err := bucket.Tidy(t.Context(), "v1/", keep)
	if err != nil || removed != 3 {
		t.Errorf("Tidy: removed %d, error %v, want the two versions and the marker of v1/pruned", removed, err)
	}
	wantVersions(t, bucket, 7)
	if again, err := bucket.Tidy(t.Context(), "v1/", keep); err != nil || again != 0 {
		t.Errorf("Tidy again: removed %d, error %v, want 0", again, err)
	}
	if removed, err := bucket.Tidy(t.Context(), "v1/", func(string) bool { return false }); err != nil || removed != 2 {
		t.Errorf("Tidy that keeps nothing: removed %d, error %v, want v1/stolen and its marker", removed, err)
	}
	wantVersions(t, bucket, 5) // the two of v1/attacked are still there
}

func TestLock(t *testing.T) {
	server := storagetest.VersityGW(t)
	for _, mode := range []string{"governance", "compliance"} {
		options := below(newBucket(t, server, withLock), t)
		free := openWith(t, options, quick())
		options.Lock, options.LockDays = mode, 3
		locking := openWith(t, options, quick())
		small := storagetest.Put(t, locking, "locked", []byte("x"))
		large := storagetest.Put(t, locking, "locked-large", storagetest.Content(6<<20, 1))
		other := storagetest.Put(t, free, "free", []byte("x"))
		for _, obj := range []storage.Object{small, large} {
			out, err := locking.headObject(t.Context(), obj)
			if err != nil {
				t.Fatal(err)
			}
			days := time.Until(aws.ToTime(out.ObjectLockRetainUntilDate)).Hours() / 24
			if !strings.EqualFold(string(out.ObjectLockMode), mode) || days < 2.9 || days > 3.1 {
				t.Errorf("%s is locked by %q for %.1f days, want %s for 3", obj.Key, out.ObjectLockMode, days, mode)
			}
			if err := free.Delete(t.Context(), obj); !errors.Is(err, storage.ErrLocked) || errors.Is(err, storage.ErrDenied) {
				t.Errorf("Delete %s: got error %v, want ErrLocked alone", obj.Key, err)
			}
		}
		errs := free.DeleteAll(t.Context(), []storage.Object{small, other, large})
		if !errors.Is(errs[0], storage.ErrLocked) || errs[1] != nil || !errors.Is(errs[2], storage.ErrLocked) {
			t.Errorf("DeleteAll: got %v, want locked, nil, locked", errs)
		}
		// What is locked stays hidden, and does not stop the rest.
		for _, key := range []string{"locked", "locked-large", "z"} {
			overwrite(t, free, key, "newer")
			hide(t, free, key)
		}
		if removed, err := free.Tidy(t.Context(), "", func(string) bool { return false }); err != nil || removed != 4 {
			t.Errorf("Tidy: removed %d, error %v, want three newer ones and one marker", removed, err)
		}
		if listed := storagetest.List(t, free, ""); len(listed) != 0 {
			t.Errorf("after Tidy, List: got %v, want nothing", listed)
		}
		if got := storagetest.Read(t, free, small); !bytes.Equal(got, []byte("x")) {
			t.Errorf("after Tidy, the locked version is %q", got)
		}
	}
}

func TestSweep(t *testing.T) {
	bucket := open(t, below(newBucket(t, storagetest.VersityGW(t), plain), t))
	for _, key := range []string{"v1/a", "v1/b", "v2/a"} {
		_, err := bucket.client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket.options.Bucket, Key: bucket.name(key)})
		if err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	for _, test := range []struct {
		later time.Duration
		want  int
	}{{0, 0}, {23 * time.Hour, 0}, {25 * time.Hour, 2}, {25 * time.Hour, 0}} {
		bucket.now = func() time.Time { return begin.Add(test.later) }
		if removed, err := bucket.Sweep(t.Context(), "v1/"); err != nil || removed != test.want {
			t.Errorf("Sweep after %v: removed %d, error %v, want %d", test.later, removed, err, test.want)
		}
	}
	if left := uploads(t, bucket); left != 1 {
		t.Errorf("Sweep left %d uploads, want the one of v2/", left)
	}
}

// TestCancelledUpload leaves nothing that costs money.
func TestCancelledUpload(t *testing.T) {
	through := newProxy(t, storagetest.VersityGW(t), plain)
	bucket := openWith(t, through.Options, quick())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	through.Break("UploadPart", 1, loseReplyAnd(cancel))
	if _, err := bucket.Put(ctx, storagetest.Upload("key", storagetest.Content(12<<20, 1))); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: got error %v, want context.Canceled", err)
	}
	if got := through.Count("CreateMultipartUpload"); got != 1 {
		t.Errorf("Put began %d uploads, want 1", got)
	}
	if left := uploads(t, bucket); left != 0 {
		t.Errorf("Put left %d uploads", left)
	}
}

func TestInspect(t *testing.T) {
	server := storagetest.VersityGW(t)
	for kind, want := range map[bucketKind][2]storage.State{
		plain:        {storage.Off, storage.Off},
		withVersions: {storage.On, storage.Off},
		withLock:     {storage.On, storage.On},
	} {
		properties, err := open(t, newBucket(t, server, kind)).Inspect(t.Context())
		if err != nil || properties.Versioning.State != want[0] || properties.Lock.State != want[1] {
			t.Errorf("Inspect of a bucket with %v: got %+v, error %v, want %v", kind, properties, err, want)
		}
	}
	missing := newBucket(t, server, plain)
	missing.Bucket += "-not"
	if _, err := open(t, missing).Inspect(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no bucket") {
		t.Errorf("Inspect of a bucket that is missing: got error %v", err)
	}
}

// TestInspectAnswers has the settings that the test server does not know.
func TestInspectAnswers(t *testing.T) {
	through := newProxy(t, storagetest.VersityGW(t), plain)
	through.Prefix = "ours"
	bucket := openWith(t, through.Options, quick())
	rules := func(rules string) string {
		return "<LifecycleConfiguration>" + rules + "</LifecycleConfiguration>"
	}
	const expire = "<Expiration><Days>1</Days></Expiration>"
	for _, test := range []struct {
		name, query, answer string
		of                  func(storage.Properties) storage.Property
		want                storage.State
	}{
		{"a rule for all", "lifecycle", rules("<Rule><Status>Enabled</Status>" + expire + "</Rule>"), lifecycle, storage.On},
		{"a rule for us", "lifecycle", rules("<Rule><Status>Enabled</Status><Filter><Prefix>ours/v1</Prefix></Filter>" + expire + "</Rule>"), lifecycle, storage.On},
		{"a rule for others", "lifecycle", rules("<Rule><Status>Enabled</Status><Filter><Prefix>theirs/</Prefix></Filter>" + expire + "</Rule>"), lifecycle, storage.Off},
		{"a rule switched off", "lifecycle", rules("<Rule><Status>Disabled</Status>" + expire + "</Rule>"), lifecycle, storage.Off},
		{"a rule for unfinished uploads", "lifecycle", rules("<Rule><Status>Enabled</Status><AbortIncompleteMultipartUpload/></Rule>"), lifecycle, storage.Off},
		{"access blocked", "publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>" +
			"<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>", public, storage.Off},
		{"access blocked in part", "publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>", public, storage.On},
	} {
		through.BreakQuery(test.query, storagetest.Document(test.answer))
		properties, err := bucket.Inspect(t.Context())
		if err != nil || test.of(properties).State != test.want {
			t.Errorf("Inspect, %s: got %+v, error %v, want %q", test.name, properties, err, test.want)
		}
	}
	through.BreakQuery("publicAccessBlock", storagetest.RefuseS3(404, "NoSuchPublicAccessBlockConfiguration", "none"))
	if properties, err := bucket.Inspect(t.Context()); err != nil || properties.PublicAccess.State != storage.On {
		t.Errorf("Inspect, access not blocked: got %+v, error %v, want on", properties, err)
	}
}

func lifecycle(p storage.Properties) storage.Property { return p.Lifecycle }
func public(p storage.Properties) storage.Property    { return p.PublicAccess }
