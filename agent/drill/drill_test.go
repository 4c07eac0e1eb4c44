package drill

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/stores/storestest"
	"github.com/etcdward/etcdward/test/fixture"
)

const packed = "../snapshot/testdata/kubernetes-1.34-etcd-3.6.db.zst"

// stored puts a plain snapshot file into a store, with the manifest that an agent would write for it.
func stored(t *testing.T, content []byte, edit ...func(*snapshot.Manifest)) stores.Found {
	t.Helper()
	exam, err := snapshot.Examine(t.Context(), fixture.Write(t, content, t.TempDir()), 0)
	if err != nil || !exam.OK() {
		t.Fatalf("examine: %v, %+v", err, exam)
	}
	m, _ := storestest.Stored(1, append([]func(*snapshot.Manifest){func(m *snapshot.Manifest) {
		m.Facts = exam.Facts
		m.TakenAt = storestest.Hour(1)
		m.ID = snapshot.NewID(m.TakenAt, m.Revision).String()
		m.Object.SizeBytes, m.Object.SHA256 = int64(len(content)), storestest.SumOf(content)
	}}, edit...)...)
	store := storestest.StoreIn(t, "a", storestest.OpenFolder(t))
	store.Commit(t, m, content)
	found, err := stores.Find(t.Context(), storestest.List(store), stores.Latest)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func driller(t *testing.T) *Driller {
	t.Helper()
	return &Driller{Dir: filepath.Join(t.TempDir(), "drill"), Host: "h1", Tool: "test", Log: slog.New(slog.DiscardHandler)}
}

// left names what a drill left in its folder.
func left(t *testing.T, d *Driller) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(d.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != lockName {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestKubernetes rehearses the restore of a real Kubernetes snapshot: hash, keys and objects are those that etcd itself gave of it.
func TestKubernetes(t *testing.T) {
	found := stored(t, fixture.Must(packed))
	d := driller(t)
	out, err := d.Run(t.Context(), found)
	if err != nil {
		t.Fatal(err)
	}
	if !out.OK || out.Hash != 1576616161 || out.Revision != 708 || out.Census.Unreadable != 0 || out.Census.Decoded == 0 {
		t.Errorf("got %+v", out)
	}
	for _, phase := range []float64{out.Seconds.Download, out.Seconds.Decode, out.Seconds.Restore, out.Seconds.Boot, out.Seconds.Read} {
		if phase <= 0 {
			t.Errorf("a phase was not measured: %+v", out.Seconds)
		}
	}
	objects, encrypted := out.Census.Total()
	if objects+out.Census.Other != out.Keys || encrypted != 0 {
		t.Errorf("%d objects and %d other keys, of %d; %d encrypted", objects, out.Census.Other, out.Keys, encrypted)
	}
	for resource, want := range map[string]int64{"clusterroles": 68, "namespaces": 12, "secrets": 80, "apiregistration.k8s.io/apiservices": 21} {
		if got := out.Census.Objects[resource]; got != want {
			t.Errorf("%s: %d, not %d; all: %v", resource, got, want, out.Census.Objects)
		}
	}
	proofs, err := found.Store.Catalog.Proofs(t.Context(), found.Entry.ID)
	if err != nil || len(proofs) != 1 || proofs[0].Check.Name != snapshot.CheckDrill || !proofs[0].Check.OK ||
		proofs[0].Drill == nil || proofs[0].Drill.Host != "h1" || proofs[0].Drill.Seconds <= 0 {
		t.Errorf("proofs: %+v, %v", proofs, err)
	}
	if names := left(t, d); len(names) > 0 {
		t.Errorf("left: %v", names)
	}
}

// rewritten changes a snapshot as only somebody who makes every checksum fit could: its SHA-256 trailer is right again, and so is the manifest.
func rewritten(t *testing.T, change func(tx *bolt.Tx) error) []byte {
	t.Helper()
	content := fixture.Must(packed)
	path := fixture.Write(t, content[:len(content)-sha256.Size], t.TempDir())
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
	plain, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(plain)
	return append(plain, sum[:]...)
}

// TestOnlyBootingShows has snapshots that pass every check of a file, and of which no etcd can be made that holds what the cluster held.
func TestOnlyBootingShows(t *testing.T) {
	meta, key := []byte("meta"), []byte("key")
	for name, test := range map[string]struct {
		change func(tx *bolt.Tx) error
		edit   func(*snapshot.Manifest)
		says   string
	}{
		"a cluster version that no etcd can run": {change: func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("cluster")).Put([]byte("clusterVersion"), []byte("9.9.0"))
		}},
		"a storage version of the far future": {change: func(tx *bolt.Tx) error {
			return tx.Bucket(meta).Put([]byte("storageVersion"), []byte("9.9.0"))
		}},
		"another value than the cluster had": {change: func(tx *bolt.Tx) error {
			c := tx.Bucket(key).Cursor()
			k, v := c.Last()
			return tx.Bucket(key).Put(bytes.Clone(k), bytes.Replace(v, []byte("k8s"), []byte("k8z"), 1))
		}, edit: func(m *snapshot.Manifest) { m.HashKV.Hash = 1576616161 }},
	} {
		t.Run(name, func(t *testing.T) {
			found := stored(t, rewritten(t, test.change), func(m *snapshot.Manifest) {
				if test.edit != nil {
					test.edit(m)
				}
			})
			d := driller(t)
			out, err := d.Run(t.Context(), found)
			t.Logf("%v %+v", err, out.Check)
			if err == nil && out.OK {
				t.Errorf("it passed: %+v", out)
			}
			if names := left(t, d); len(names) > 0 {
				t.Errorf("left: %v", names)
			}
		})
	}
}

// TestBusy: one drill at a time runs in a folder, and a folder with a drill in it is not swept.
func TestBusy(t *testing.T) {
	d := driller(t)
	p, err := open(d.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Dir, "snapshot.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Run(t.Context(), stored(t, fixture.Must(packed))); !errors.Is(err, ErrBusy) {
		t.Errorf("a second drill: %v", err)
	}
	if err := Sweep(d.Dir); err != nil || len(left(t, d)) != 1 {
		t.Errorf("swept under a drill: %v, left %v", err, left(t, d))
	}
	if err := p.lock.Close(); err != nil { // as the kernel does when a process is killed
		t.Fatal(err)
	}
	if err := Sweep(d.Dir); err != nil || len(left(t, d)) != 0 {
		t.Errorf("not swept after a killed drill: %v, left %v", err, left(t, d))
	}
}

// TestNewestOfEachKind: a drill that failed is not undone by bytes that are still the same, but by another drill.
func TestNewestOfEachKind(t *testing.T) {
	found := stored(t, fixture.Must(packed))
	for n, test := range []struct {
		kind   string
		ok, is bool
	}{{snapshot.CheckDrill, false, false}, {snapshot.CheckReadBack, true, false}, {snapshot.CheckDrill, true, true}, {snapshot.CheckReadBack, false, false}, {snapshot.CheckReadBack, true, true}} {
		proof := catalog.Proof{ID: found.Manifest.ID, At: storestest.Hour(2).Add(time.Duration(n) * time.Minute), Check: snapshot.Check{Name: test.kind, OK: test.ok}, Tool: "test"}
		if err := found.Store.Catalog.AddProof(t.Context(), proof); err != nil {
			t.Fatal(err)
		}
		latest, err := found.Store.Catalog.LatestProofs(t.Context())
		if p := latest[found.Manifest.ID]; err != nil || p.Check.OK != test.is {
			t.Errorf("after proof %d: %+v, %v", n, p, err)
		}
	}
}

// TestNoRoom: a drill that would fill the disk or the memory does not begin.
func TestNoRoom(t *testing.T) {
	for what, m := range map[string]snapshot.Manifest{
		"bytes free":      {Facts: snapshot.Facts{SizeBytes: 1 << 60}},
		"bytes of memory": {Facts: snapshot.Facts{TotalKeys: 1 << 50}},
	} {
		_, err := driller(t).Run(t.Context(), stores.Found{Manifest: m})
		if !errors.Is(err, ErrNoRoom) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
