package catalog

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestCreateOnly(t *testing.T) {
	folder := openBucket(t)
	for n, test := range []struct {
		bucket storage.Bucket
		want   bool
	}{{folder, false}, {folder, false}, {&storagetest.Overwriting{Bucket: folder}, true}, {&storagetest.Overwriting{Bucket: folder}, true}, {folder, false}, {folder, false}, {&storagetest.Overwriting{Bucket: folder}, true}} {
		c := open(t, test.bucket)
		if got, err := c.FirstUse(t.Context()); err != nil || got != test.want {
			t.Errorf("step %d: overwrites %t, %v", n, got, err)
		}
		if noted, err := open(t, folder).Overwrites(t.Context()); err != nil || noted != test.want {
			t.Errorf("step %d: others read %t, %v", n, noted, err)
		}
		wantNoEntries(t, c)
	}
	// A store that is away is not known, and asked again.
	faulty := storagetest.NewFaulty(openBucket(t), 1, storagetest.Before)
	c := open(t, faulty)
	if _, err := c.FirstUse(t.Context()); !errors.Is(err, storagetest.ErrFault) {
		t.Errorf("got %v", err)
	}
	if got, err := c.FirstUse(t.Context()); err != nil || got {
		t.Errorf("the second time: %t, %v", got, err)
	}
}

func wantNoEntries(t *testing.T, c *Catalog) {
	t.Helper()
	if l := list(t, c); len(l.Snapshots)+len(l.Orphans)+len(l.MissingData) > 0 {
		t.Errorf("the trial is listed: %+v", l)
	}
	if ids, err := c.ClusterIDs(t.Context()); err != nil || len(ids) > 0 {
		t.Errorf("the trial is an identity: %v, %v", ids, err)
	}
}

// TestGuardedCommit holds that in a store which overwrites, another's snapshot is a clash before a byte is written, and that a commit which was cut is
// finished by another.
func TestGuardedCommit(t *testing.T) {
	id := second + "7"
	storagetest.Faults(t, openBucket, func(t *testing.T, faulty *storagetest.Faulty, bucket storage.Bucket) {
		c := open(t, &storagetest.Overwriting{Bucket: faulty})
		c.trial.overwrites.Store(true)
		_, err := c.Commit(t.Context(), manifest(t, id), bytes.NewReader(content(id)))
		if err == nil && faulty.Met() {
			t.Error("the fault was swallowed")
		}
		storagetest.Put(t, bucket, home+"noise", []byte("x"))
		for _, obj := range storagetest.List(t, bucket, home+"intents/") { // of a host that died: by age, nobody's
			if err := bucket.Delete(t.Context(), obj); err != nil {
				t.Fatal(err)
			}
		}
		again := open(t, &storagetest.Overwriting{Bucket: bucket})
		again.trial.overwrites.Store(true)
		if _, err := again.Commit(t.Context(), manifest(t, id), bytes.NewReader(content(id))); err != nil {
			t.Errorf("the next try: %v", err)
		}
		if got := wantSound(t, again); len(got) != 1 {
			t.Errorf("listed are %v", got)
		}
	})
	bucket := openBucket(t)
	c := open(t, &storagetest.Overwriting{Bucket: bucket})
	c.trial.overwrites.Store(true)
	commit(t, c, id)
	other := manifest(t, id)
	other.Member.ID, other.Object = "2", manifest(t, second+"8").Object
	if _, err := c.Commit(t.Context(), other, bytes.NewReader(content(second+"8"))); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another snapshot: %v", err)
	}
	wantSound(t, c)
}
