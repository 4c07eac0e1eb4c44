package verify

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores/storestest"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/test/fixture"
)

// month fills a store with real snapshots, the first of which is number 1.
func month(t *testing.T, count int) (storestest.Store, storage.Bucket) {
	t.Helper()
	content := fixture.Must("../snapshot/testdata/kubernetes-1.34-etcd-3.6.db.zst")
	exam, err := snapshot.Examine(t.Context(), fixture.Write(t, content, t.TempDir()), 0)
	if err != nil || !exam.OK() {
		t.Fatalf("%v %+v", err, exam)
	}
	bucket := storestest.OpenFolder(t)
	a := storestest.StoreIn(t, "a", bucket)
	for n := range count {
		m, _ := storestest.Stored(n+1, func(m *snapshot.Manifest) {
			m.Facts, m.ID = exam.Facts, snapshot.NewID(m.TakenAt, exam.Facts.Revision).String()
			m.Object.SizeBytes, m.Object.SHA256 = int64(len(content)), storestest.SumOf(content)
		})
		a.Commit(t, m, content)
	}
	return a, bucket
}

func idOf(n int) string { return snapshot.NewID(storestest.Hour(n), 708).String() }

// TestAll reads a store with sound snapshots, one of which was read before, one that is damaged, and one whose data is gone.
func TestAll(t *testing.T) {
	a, bucket := month(t, 5)
	storestest.Replace(t, bucket, a.Catalog.DataKey(idOf(2), "none", "none"), slices.Concat([]byte("x"), fixture.Must("../snapshot/testdata/kubernetes-1.34-etcd-3.6.db.zst")[1:]))
	if err := bucket.Delete(t.Context(), storage.Object{Key: a.Catalog.DataKey(idOf(3), "none", "none")}); err != nil {
		t.Fatal(err)
	}
	proof := catalog.Proof{ID: idOf(4), At: time.Now().Add(-time.Hour), Check: snapshot.Check{Name: snapshot.CheckReadBack, OK: true}, Tool: "test"}
	if err := a.Catalog.AddProof(t.Context(), proof); err != nil {
		t.Fatal(err)
	}
	pass := func(unreadFor time.Duration) (lines []string, err error) {
		v := verifierIn(t, seal.Identities{})
		err = v.All(t.Context(), storestest.List(a), Pass{UnreadFor: unreadFor, Told: func(r Reading) {
			lines = append(lines, fmt.Sprintf("%s %s %d", r.ID[9:11], r.Word(), r.Level))
		}})
		return lines, err
	}
	lines, err := pass(24 * time.Hour)
	if want := []string{"05 ok 4", "04 read before 0", "03 DAMAGED 0", "02 DAMAGED 0", "01 ok 4"}; !slices.Equal(lines, want) || !errors.Is(err, snapshot.ErrDamaged) {
		t.Errorf("got %q, %v, want %q", lines, err, want)
	}
	// A second pass goes on where the first ended: what was found damaged is read again.
	lines, err = pass(24 * time.Hour)
	if want := []string{"05 read before 0", "04 read before 0", "03 DAMAGED 0", "02 DAMAGED 0", "01 read before 0"}; !slices.Equal(lines, want) || !errors.Is(err, snapshot.ErrDamaged) {
		t.Errorf("again: got %q, %v, want %q", lines, err, want)
	}
}

// TestAllRate holds that a pass waits as long as its rate asks, and ends when it is told to.
func TestAllRate(t *testing.T) {
	a, _ := month(t, 3)
	v := verifierIn(t, seal.Identities{})
	var read int64
	begun := time.Now()
	if err := v.All(t.Context(), storestest.List(a), Pass{BytesPerSecond: 2 << 20, Told: func(r Reading) { read += r.SizeBytes }}); err != nil {
		t.Fatal(err)
	}
	if took, least := time.Since(begun), time.Duration(float64(read)/(2<<20)*float64(time.Second)); read == 0 || took < least {
		t.Errorf("%d bytes took %s, and not %s", read, took, least)
	}
}
