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
	"github.com/etcdward/etcdward/agent/scratch"
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

// TestOnlyBootingShows has snapshots that pass every check of a file, and on which no etcd boots: the proof says so, and why.
func TestOnlyBootingShows(t *testing.T) {
	for name, test := range map[string]struct {
		bucket, key, value, says string
	}{
		"a cluster version that no etcd can run": {"cluster", "clusterVersion", "9.9.0", "invalid downgrade"},
		"a storage version of the far future":    {"meta", "storageVersion", "9.9.0", "storage version"},
	} {
		t.Run(name, func(t *testing.T) {
			found := stored(t, rewritten(t, func(tx *bolt.Tx) error {
				return tx.Bucket([]byte(test.bucket)).Put([]byte(test.key), []byte(test.value))
			}))
			d := driller(t)
			out, err := d.Run(t.Context(), found)
			if err != nil || out.OK || out.Check.OK || !strings.Contains(out.Check.Detail, test.says) || !errors.Is(out.Err(), ErrFailed) {
				t.Errorf("%v, %+v", err, out.Check)
			}
			proofs, err := found.Store.Catalog.Proofs(t.Context(), found.Entry.ID)
			if err != nil || len(proofs) != 1 || proofs[0].Check.OK {
				t.Errorf("proofs: %+v, %v", proofs, err)
			}
			if names := left(t, d); len(names) > 0 {
				t.Errorf("left: %v", names)
			}
		})
	}
}

// TestNotTheManifests has a snapshot with another value than the cluster had: it is found damaged before anything is booted.
func TestNotTheManifests(t *testing.T) {
	found := stored(t, rewritten(t, func(tx *bolt.Tx) error {
		bucket := tx.Bucket([]byte("key"))
		k, v := bucket.Cursor().Last()
		return bucket.Put(bytes.Clone(k), bytes.Replace(v, []byte("k8s"), []byte("k8z"), 1))
	}), func(m *snapshot.Manifest) { m.HashKV.Hash = 1576616161 })
	d := driller(t)
	if out, err := d.Run(t.Context(), found); !errors.Is(err, snapshot.ErrDamaged) || out.OK {
		t.Errorf("%v, %+v", err, out.Check)
	}
	if names := left(t, d); len(names) > 0 {
		t.Errorf("left: %v", names)
	}
}

// TestCompare: what was booted has to have the keys, the compact revision and the hash that the cluster had.
func TestCompare(t *testing.T) {
	m := snapshot.Manifest{Facts: snapshot.Facts{HashKV: snapshot.HashKV{Hash: 7, Revision: 50, CompactRevision: 40}}}
	for name, test := range map[string]struct {
		got  scratch.Reading
		says string
	}{
		"equal":                    {scratch.Reading{Keys: 3, Hash: 7, CompactRevision: 40}, ""},
		"a key is missing":         {scratch.Reading{Keys: 2, Hash: 7, CompactRevision: 40}, "at revision 50 the restored etcd has keys 2 instead of 3"},
		"another hash":             {scratch.Reading{Keys: 3, Hash: 8, CompactRevision: 40}, "HashKV 8 instead of 7"},
		"another compact revision": {scratch.Reading{Keys: 3, Hash: 7, CompactRevision: 41}, "compact revision 41 instead of 40"},
		"all of it":                {scratch.Reading{}, "keys 0 instead of 3, compact revision 0 instead of 40, HashKV 0 instead of 7"},
	} {
		err := compare(test.got, m, 3)
		if test.says == "" && err != nil || test.says != "" && (!errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: %v", name, err)
		}
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
