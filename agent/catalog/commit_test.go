package catalog

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestCommit(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	id := second + "120001"
	m := commit(t, c, id)
	if m.Object.Key != below+id+".db.zst" {
		t.Errorf("Commit: the data is at %s", m.Object.Key)
	}
	wantKeys(t, bucket, below+id+".db.zst", below+id+".json")
	if got := wantSound(t, c); !slices.Equal(got, []string{id}) {
		t.Errorf("List: got %v", got)
	}
	if e := list(t, c).Snapshots[0]; e.SizeBytes() != int64(len(content(id))) {
		t.Errorf("SizeBytes: got %d", e.SizeBytes())
	}
	commit(t, c, id) // again, as after a lost reply

	other := manifest(t, id)
	other.Tool = "another agent"
	if _, err := c.Commit(t.Context(), other, bytes.NewReader(content(id))); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Commit of another manifest of that ID: got %v", err)
	}
	other = manifest(t, second+"5")
	other.ID, other.Revision = id, 120001
	if _, err := c.Commit(t.Context(), other, bytes.NewReader(content(second+"5"))); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Commit of other data of that ID: got %v", err)
	}
	wantSound(t, c)
}

// TestCommitRefused: nothing is stored of what could not be read back.
func TestCommitRefused(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	id := second + "120001"
	for name, change := range map[string]func(*snapshot.Manifest){
		"id":            func(m *snapshot.Manifest) { m.ID = "../../etc" },
		"other cluster": func(m *snapshot.Manifest) { m.Cluster.Name = "prod-eu2" },
		"no sha256":     func(m *snapshot.Manifest) { m.Object.SHA256 = "" },
		"odd sha256":    func(m *snapshot.Manifest) { m.Object.SHA256 = "xyz" },
		"other sha256":  func(m *snapshot.Manifest) { m.Object.SHA256 = strings.Repeat("00", 32) },
		"size":          func(m *snapshot.Manifest) { m.Object.SizeBytes-- },
		"text":          func(m *snapshot.Manifest) { m.Member.Name = "cp\n1" },
		"compression":   func(m *snapshot.Manifest) { m.Object.Compression = "gzip" },
	} {
		m := manifest(t, id)
		change(&m)
		if _, err := c.Commit(t.Context(), m, bytes.NewReader(content(id))); err == nil {
			t.Errorf("%s: got no error", name)
		}
		wantKeys(t, bucket)
	}
}

// TestCommitFaults fails each operation of a Commit in each way: whatever is listed is whole, and a retry ends it.
func TestCommitFaults(t *testing.T) {
	runs := 0
	storagetest.Faults(t, openBucket, func(t *testing.T, faulty *storagetest.Faulty, bucket storage.Bucket) {
		runs++
		c := open(t, bucket)
		old, id := second+"1", second+"2"
		commit(t, c, old)
		_, err := open(t, faulty).Commit(t.Context(), manifest(t, id), bytes.NewReader(content(id)))
		if faulty.Met() != errors.Is(err, storagetest.ErrFault) {
			t.Errorf("Commit: got error %v, fault met: %v", err, faulty.Met())
		}
		got := wantSound(t, c)
		if !slices.Contains(got, old) || err == nil && !slices.Contains(got, id) {
			t.Errorf("after error %v there is %v", err, got)
		}
		commit(t, c, id)
		if got := wantSound(t, c); !slices.Equal(got, []string{old, id}) {
			t.Errorf("after a retry there is %v", got)
		}
		wantKeys(t, bucket, below+old+".db.zst", below+old+".json", below+id+".db.zst", below+id+".json")
	})
	if runs != 4*3 {
		t.Errorf("there were %d runs, want 12: two operations and a run without a fault, in four ways", runs)
	}
}

func TestSweep(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	id, orphan := second+"1", second+"2"
	commit(t, c, id)
	storagetest.Put(t, bucket, below+orphan+".db.zst", content(orphan))
	l := list(t, c)
	if got := keys(l.Orphans); !slices.Equal(got, []string{below + orphan + ".db.zst"}) || !slices.Equal(ids(l.Snapshots), []string{id}) {
		t.Fatalf("List: got orphans %v, snapshots %v", got, ids(l.Snapshots))
	}
	stored := l.Orphans[0].Stored
	sweep := func(orphans []storage.Object, now time.Time, want ...string) {
		t.Helper()
		removed, err := c.Sweep(t.Context(), orphans, now, time.Hour)
		if err != nil || !slices.Equal(removed, want) {
			t.Errorf("Sweep removed %v, error %v, want %v", removed, err, want)
		}
	}
	sweep(l.Orphans, stored.Add(time.Hour-1)) // perhaps still on its way
	sweep(l.Orphans, stored.Add(-time.Hour))  // a clock that is behind
	late := stored.Add(time.Hour)
	// What is no orphan is not swept, whoever says that it is one.
	whole := list(t, c).Snapshots[0]
	sweep(append([]storage.Object{whole.Manifest, {Key: home + "cluster.json"}, {Key: below + "notes"}}, whole.Data...), late)
	// Nor what was committed since it was listed.
	commit(t, c, orphan)
	sweep(l.Orphans, late)
	wantSound(t, c)
	if err := bucket.Delete(t.Context(), storage.Object{Key: below + orphan + ".json"}); err != nil {
		t.Fatal(err)
	}
	sweep(l.Orphans, late, below+orphan+".db.zst")
	sweep(nil, late)
	wantKeys(t, bucket, below+id+".db.zst", below+id+".json")
}

// TestSweepFaults: a store that cannot be asked is no reason to take data for an orphan.
func TestSweepFaults(t *testing.T) {
	storagetest.Faults(t, openBucket, func(t *testing.T, faulty *storagetest.Faulty, bucket storage.Bucket) {
		c := open(t, bucket)
		id, orphan := second+"1", second+"2"
		commit(t, c, id)
		storagetest.Put(t, bucket, below+orphan+".db.zst", content(orphan))
		candidates := append(list(t, c).Orphans, list(t, c).Snapshots[0].Data...)
		_, err := open(t, faulty).Sweep(t.Context(), candidates, time.Now().Add(time.Hour), time.Minute)
		if faulty.Met() != errors.Is(err, storagetest.ErrFault) {
			t.Errorf("Sweep: got error %v, fault met: %v", err, faulty.Met())
		}
		if got := wantSound(t, c); !slices.Equal(got, []string{id}) {
			t.Errorf("afterwards there is %v", got)
		}
	})
}
