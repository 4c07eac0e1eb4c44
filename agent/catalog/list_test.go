package catalog

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestNew(t *testing.T) {
	for _, name := range []string{"", "Prod", "a/b", "..", "a b", "a_b", "ü", "a\n", strings.Repeat("a", 64)} {
		if _, err := New(openBucket(t), name); err == nil {
			t.Errorf("New(%q): got no error", name)
		}
	}
	for _, name := range []string{"a", "prod-eu1", "0", strings.Repeat("a", 63)} {
		if _, err := New(openBucket(t), name); err != nil {
			t.Errorf("New(%q): %v", name, err)
		}
	}
}

// TestListOrder: by time and then by revision as a number; a sort of the keys would put 10 before 9.
func TestListOrder(t *testing.T) {
	c := open(t, openBucket(t))
	want := []string{"20261122T095959Z-500", second + "9", second + "10", second + "100", second + "9999", "20261122T100001Z-1"}
	for _, id := range slices.Backward(want) {
		commit(t, c, id)
	}
	if got := wantSound(t, c); !slices.Equal(got, want) {
		t.Errorf("List: got %v, want %v", got, want)
	}
}

// TestListForeign: what is not of the layout is passed over, and so are other clusters.
func TestListForeign(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	id := second + "1"
	commit(t, c, id)
	for _, key := range []string{
		"readme.txt", "v1/prod-eu1-b/snapshots/" + second + "2.json", "v1/prod-eu/snapshots/" + second + "2.json",
		below + "notes.json", below + second + "2.txt", below + second + "2", below + second + "02.json", below + second + "2.db.gz",
		below + second + "2.json.bak", below + second + "2.JSON", below + "old/" + second + "2.json", below + "20261322T100000Z-2.json",
		below + second + "99999999999999999999.db", home + "log/" + second + "2.json", below + " " + second + "2.json",
	} {
		storagetest.Put(t, bucket, key, []byte("foreign"))
	}
	l := list(t, c)
	if !slices.Equal(ids(l.Snapshots), []string{id}) || len(l.Orphans) != 0 || len(l.MissingData) != 0 {
		t.Errorf("List: got %+v", l)
	}
}

func TestListStates(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	whole, orphan, missing, twice := second+"1", second+"2", second+"3", second+"4"
	commit(t, c, whole)
	commit(t, c, twice)
	storagetest.Put(t, bucket, below+twice+".db", []byte("a copy by hand"))
	storagetest.Put(t, bucket, below+orphan+".db.zst.age", []byte("cut"))
	storagetest.Put(t, bucket, below+orphan+".db", []byte("cut too"))
	m := commit(t, c, missing)
	if err := bucket.Delete(t.Context(), storage.Object{Key: m.Object.Key}); err != nil {
		t.Fatal(err)
	}
	l := list(t, c)
	if !slices.Equal(ids(l.Snapshots), []string{whole, twice}) || !slices.Equal(ids(l.MissingData), []string{missing}) ||
		!slices.Equal(keys(l.Orphans), []string{below + orphan + ".db", below + orphan + ".db.zst.age"}) {
		t.Errorf("List: got %+v", l)
	}
	if n := len(l.Snapshots[1].Data); n != 2 {
		t.Errorf("of the snapshot with a copy there are %d objects", n)
	}
	// A snapshot without data can still be shown, and does not open.
	if m, err := c.Manifest(t.Context(), l.MissingData[0]); err != nil || m.ID != missing {
		t.Errorf("Manifest without data: got %v", err)
	} else if _, err := c.Open(t.Context(), m); !errors.Is(err, snapshot.ErrDamaged) {
		t.Errorf("Open without data: got %v, want ErrDamaged", err)
	}
}

func TestFind(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	commit(t, c, second+"12")
	commit(t, c, second+"120")
	storagetest.Put(t, bucket, below+second+"1.db", []byte("orphan"))
	id := snapshot.NewID(at(10), 12)
	e, err := c.Find(t.Context(), id)
	if err != nil || !slices.Equal(keys(e.Data), []string{below + second + "12.db.zst"}) || e.Manifest.Key != below+second+"12.json" {
		t.Errorf("Find: got %+v, error %v", e, err)
	}
	// An ID that was not made by NewID is the same ID.
	id.TakenAt = id.TakenAt.In(time.FixedZone("east", 2*60*60))
	if e, err := c.Find(t.Context(), id); err != nil || len(e.Data) != 1 {
		t.Errorf("Find in another time zone: got %+v, error %v", e, err)
	}
	for _, revision := range []int64{1, 2, 1200} {
		if _, err := c.Find(t.Context(), snapshot.NewID(at(10), revision)); !errors.Is(err, ErrNotFound) {
			t.Errorf("Find of revision %d: got %v", revision, err)
		}
	}
}

// TestStoreFails: an error of the store is neither "not found" nor damage.
func TestStoreFails(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	id := second + "1"
	m := commit(t, c, id)
	p := Proof{ID: id, At: at(12), Check: snapshot.Check{Name: snapshot.CheckDrill, OK: true}}
	if err := errors.Join(c.AddProof(t.Context(), p), c.Claim(t.Context(), ourID, false)); err != nil {
		t.Fatal(err)
	}
	entry := list(t, c).Snapshots[0]
	for name, try := range map[string]func(*Catalog) error{
		"List":     func(c *Catalog) error { _, err := c.List(t.Context()); return err },
		"Find":     func(c *Catalog) error { _, err := c.Find(t.Context(), entry.ID); return err },
		"Manifest": func(c *Catalog) error { _, err := c.Manifest(t.Context(), entry); return err },
		"Open": func(c *Catalog) error {
			r, err := c.Open(t.Context(), m)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
				err = errors.Join(err, r.Close())
			}
			return err
		},
		"LatestProofs": func(c *Catalog) error { _, err := c.LatestProofs(t.Context()); return err },
		"Proofs":       func(c *Catalog) error { _, err := c.Proofs(t.Context(), entry.ID); return err },
		"AddProof":     func(c *Catalog) error { p.At = at(13); return c.AddProof(t.Context(), p) },
		"Claim":        func(c *Catalog) error { return c.Claim(t.Context(), ourID, false) },
		"ClusterIDs":   func(c *Catalog) error { _, err := c.ClusterIDs(t.Context()); return err },
	} {
		for _, fault := range []storagetest.Fault{storagetest.Before, storagetest.During, storagetest.After, storagetest.Down} {
			for n := 1; ; n++ {
				faulty := storagetest.NewFaulty(bucket, n, fault)
				err := try(open(t, faulty))
				if !faulty.Met() {
					if err != nil {
						t.Errorf("%s: without a fault: %v", name, err)
					}
					break
				}
				if !errors.Is(err, storagetest.ErrFault) || errors.Is(err, ErrNotFound) || errors.Is(err, snapshot.ErrDamaged) || errors.Is(err, ErrOtherCluster) {
					t.Errorf("%s: fault %v at operation %d: got %v", name, fault, n, err)
				}
			}
		}
	}
}

// TestLyingManifest puts manifests into the bucket that are not what their key says.
func TestLyingManifest(t *testing.T) {
	id := second + "120001"
	for name, test := range map[string]struct {
		change func(*snapshot.Manifest)
		want   string
	}{
		"other id": {func(m *snapshot.Manifest) {
			m.ID, m.Revision, m.Object.Key = second+"7", 7, below+second+"7.db.zst"
		}, "it is that of"},
		"id of a path":        {func(m *snapshot.Manifest) { m.ID = "../../../etc/passwd" }, "not of the form"},
		"other cluster":       {func(m *snapshot.Manifest) { m.Cluster.Name = "prod-eu2" }, "of cluster"},
		"other key":           {func(m *snapshot.Manifest) { m.Object.Key = below + second + "7.db.zst" }, "it names the object"},
		"no key":              {func(m *snapshot.Manifest) { m.Object.Key = "" }, "it names the object"},
		"key of a path":       {func(m *snapshot.Manifest) { m.Object.Key = below + "../../other/snapshots/" + id + ".db.zst" }, "it names the object"},
		"key of the manifest": {func(m *snapshot.Manifest) { m.Object.Key = below + id + ".json" }, "it names the object"},
		"other suffix":        {func(m *snapshot.Manifest) { m.Object.Key = below + id + ".db" }, "it names the object"},
		"data that is gone": {func(m *snapshot.Manifest) {
			m.Object.Encryption, m.Object.Key = seal.Age, below+id+".db.zst.age"
		}, "is gone from the store"},
		"size of the data":   {func(m *snapshot.Manifest) { m.Object.SizeBytes++ }, "bytes in the store"},
		"huge size":          {func(m *snapshot.Manifest) { m.Object.SizeBytes = 1 << 50 }, "size of"},
		"other format":       {func(m *snapshot.Manifest) { m.Format = 2 }, "format 2"},
		"terminal sequences": {func(m *snapshot.Manifest) { m.Tool = "\x1b[31m" }, "control characters"},
		"oversize":           {func(m *snapshot.Manifest) { m.Restore = strings.Repeat("x", snapshot.MaxManifestBytes) }, "more than"},
	} {
		bucket := openBucket(t)
		c := open(t, bucket)
		m := manifest(t, id)
		m.Object.Key = below + id + ".db.zst"
		storagetest.Put(t, bucket, m.Object.Key, content(id))
		test.change(&m)
		storagetest.Put(t, bucket, below+id+".json", encode(t, m))
		_, err := c.Manifest(t.Context(), list(t, c).Snapshots[0])
		if !errors.Is(err, snapshot.ErrDamaged) || !strings.Contains(err.Error(), test.want) || strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%s: got %v, want ErrDamaged and %q", name, err, test.want)
		}
	}
	// No JSON at all, and a manifest that went between the listing and the reading.
	bucket := openBucket(t)
	c := open(t, bucket)
	commit(t, c, second+"1")
	storagetest.Put(t, bucket, below+second+"2.json", []byte("{"))
	storagetest.Put(t, bucket, below+second+"2.db", []byte("data"))
	entries := list(t, c).Snapshots
	if _, err := c.Manifest(t.Context(), entries[1]); !errors.Is(err, snapshot.ErrDamaged) {
		t.Errorf("half a manifest: got %v", err)
	}
	if err := bucket.Delete(t.Context(), entries[0].Manifest); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Manifest(t.Context(), entries[0]); !errors.Is(err, ErrNotFound) {
		t.Errorf("a manifest that is gone: got %v", err)
	}
}

// TestPinnedVersion: where the manifest pins a version, the size of the current one proves nothing against it.
func TestPinnedVersion(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	m := manifest(t, second+"1")
	m.Object.Key, m.Object.Version = below+second+"1.db.zst", "7"
	storagetest.Put(t, bucket, m.Object.Key, []byte("overwritten by somebody"))
	storagetest.Put(t, bucket, below+second+"1.json", encode(t, m))
	if got, err := c.Manifest(t.Context(), list(t, c).Snapshots[0]); err != nil || got.Object.Version != "7" {
		t.Errorf("Manifest: got %+v, error %v", got.Object, err)
	}
}

func TestIntact(t *testing.T) {
	m := manifest(t, second+"1")
	m.Object.Key = below + second + "1.db.zst"
	for want, data := range map[bool][]storage.Object{
		true:  {{Key: below + second + "1.db", Size: 1}, {Key: m.Object.Key, Size: m.Object.SizeBytes}},
		false: {{Key: below + second + "1.db", Size: m.Object.SizeBytes}, {Key: m.Object.Key, Size: m.Object.SizeBytes - 1}},
	} {
		if got := (Entry{Data: data}).Intact(m); got != want {
			t.Errorf("Intact with %v: got %v", data, got)
		}
	}
	if (Entry{}).Intact(m) {
		t.Error("a snapshot without data is intact")
	}
}
