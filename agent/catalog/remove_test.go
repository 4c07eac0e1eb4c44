package catalog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func addProofs(t *testing.T, c *Catalog, id string) {
	t.Helper()
	for i := range 2 {
		p := Proof{ID: id, At: at(12 + i), Check: snapshot.Check{Name: snapshot.CheckDrill, OK: true}}
		if err := c.AddProof(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

// doom reads what RemoveAll wants of some snapshots.
func doom(t *testing.T, c *Catalog, entries ...Entry) []Doomed {
	t.Helper()
	var doomed []Doomed
	for _, e := range entries {
		m, err := c.Manifest(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		doomed = append(doomed, Doomed{e, m})
	}
	return doomed
}

// TestRemoveFaults fails each operation of a removal in each way: whatever is listed is whole, and what is left a retry, the end
// of the removal or a sweep removes.
func TestRemoveFaults(t *testing.T) {
	runs := 0
	storagetest.Faults(t, openBucket, func(t *testing.T, faulty *storagetest.Faulty, bucket storage.Bucket) {
		runs++
		c := open(t, bucket)
		old, older, id := second+"1", second+"0", second+"2"
		kept := commit(t, c, id)
		commit(t, c, old)
		commit(t, c, older)
		addProofs(t, c, old)
		errs := open(t, faulty).RemoveAll(t.Context(), doom(t, c, list(t, c).Snapshots[:2]...))
		if len(errs) != 2 || faulty.Met() != errors.Is(errors.Join(errs...), storagetest.ErrFault) {
			t.Errorf("RemoveAll: got errors %v, fault met: %v", errs, faulty.Met())
		}
		got := wantSound(t, c)
		if !slices.Contains(got, id) || errs[0] == nil && slices.Contains(got, older) || errs[1] == nil && slices.Contains(got, old) {
			t.Errorf("after errors %v there is %v", errs, got)
		}
		l := list(t, c)
		again := doom(t, c, slices.DeleteFunc(l.Snapshots, func(e Entry) bool { return e.ID.String() == id })...)
		err := errors.Join(c.RemoveAll(t.Context(), again)...)
		if runs%2 == 0 {
			_, finished := c.FinishRemoval(t.Context(), snapshot.NewID(at(10), 1))
			_, finishedOlder := c.FinishRemoval(t.Context(), snapshot.NewID(at(10), 0))
			err = errors.Join(err, finished, finishedOlder)
		} else {
			_, swept := c.Sweep(t.Context(), l.Orphans, time.Now().Add(time.Hour), time.Minute)
			err = errors.Join(err, swept)
		}
		if err != nil {
			t.Errorf("the retry: %v", err)
		}
		wantKeys(t, bucket, kept.Object.Key, below+id+".json")
	})
	// Two manifests, the list of the proofs, two proofs, twice data, and a run without a fault.
	if runs != 4*8 {
		t.Errorf("there were %d runs, want 32", runs)
	}
}

func TestFinishRemoval(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	whole, cut := second+"1", second+"2"
	commit(t, c, whole)
	storagetest.Put(t, bucket, below+cut+".db.zst", content(cut))
	storagetest.Put(t, bucket, below+cut+".db", content(cut))
	addProofs(t, c, cut)
	addProofs(t, c, whole)
	for revision, want := range map[int64]int{1: 0, 2: 2, 3: 0} {
		if removed, err := c.FinishRemoval(t.Context(), snapshot.NewID(at(10), revision)); removed != want || err != nil {
			t.Errorf("FinishRemoval of revision %d: got %d, error %v, want %d", revision, removed, err, want)
		}
	}
	if got := wantSound(t, c); !slices.Equal(got, []string{whole}) || len(storagetest.List(t, bucket, "")) != 4 {
		t.Errorf("there is %v, in all %v", got, keys(storagetest.List(t, bucket, "")))
	}
}

// TestRemoveForeign: keys that are not of the snapshot are not removed, whoever put them into the entry.
func TestRemoveForeign(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	id, other := second+"1", second+"2"
	commit(t, c, id)
	commit(t, c, other)
	foreign := []string{home + "proofs/" + id + "/notes.txt", below + id + ".db.bak", "v1/other/snapshots/" + id + ".json", home + "log/1"}
	for _, key := range foreign {
		storagetest.Put(t, bucket, key, []byte("foreign"))
	}
	before := keys(storagetest.List(t, bucket, ""))
	l := list(t, c)
	entry, next := l.Snapshots[0], l.Snapshots[1]
	for name, bad := range map[string]Entry{
		"nothing":               {ID: entry.ID},
		"manifest of another":   {ID: entry.ID, Manifest: next.Manifest, Data: entry.Data},
		"data of another":       {ID: entry.ID, Manifest: entry.Manifest, Data: next.Data},
		"manifest for data":     {ID: entry.ID, Manifest: entry.Manifest, Data: []storage.Object{entry.Manifest}},
		"data for a manifest":   {ID: entry.ID, Manifest: entry.Data[0]},
		"foreign data":          {ID: entry.ID, Manifest: entry.Manifest, Data: []storage.Object{{Key: foreign[1]}}},
		"another cluster's":     {ID: entry.ID, Manifest: storage.Object{Key: foreign[2]}},
		"outside of the layout": {ID: entry.ID, Manifest: storage.Object{Key: home + "cluster.json"}},
	} {
		if errs := c.RemoveAll(t.Context(), []Doomed{{Entry: bad}}); len(errs) != 1 || errs[0] == nil {
			t.Errorf("%s: got errors %v", name, errs)
		}
		wantKeys(t, bucket, slices.Clone(before)...)
	}
	// One bad entry spoils no other.
	doomed := append([]Doomed{{Entry: Entry{ID: entry.ID}}}, doom(t, c, entry)...)
	for range 2 { // again: it is gone
		if errs := c.RemoveAll(t.Context(), doomed); len(errs) != 2 || errs[0] == nil || errs[1] != nil {
			t.Errorf("RemoveAll: got errors %v", errs)
		}
	}
	wantKeys(t, bucket, append(slices.Clone(foreign), below+other+".db.zst", below+other+".json")...)
	if errs := c.RemoveAll(t.Context(), nil); len(errs) != 0 {
		t.Errorf("RemoveAll of nothing: got %v", errs)
	}
}

// holding is a bucket that does not let go of keys with some ending.
type holding struct {
	storage.Bucket
	ending string
	why    error
}

func (h holding) Delete(ctx context.Context, obj storage.Object) error {
	if strings.HasSuffix(obj.Key, h.ending) {
		return fmt.Errorf("delete %s: %w", obj.Key, h.why)
	}
	return h.Bucket.Delete(ctx, obj)
}

// TestRemoveHeld: a snapshot that the store keeps goes on being listed, whole.
func TestRemoveHeld(t *testing.T) {
	for _, why := range []error{storage.ErrLocked, storage.ErrDenied} {
		for _, ending := range []string{second + "1.db.zst", second + "1.json", ".zst", ".json"} {
			bucket := openBucket(t)
			c := open(t, holding{bucket, ending, why})
			commit(t, c, second+"1")
			commit(t, c, second+"2")
			errs := c.RemoveAll(t.Context(), doom(t, c, list(t, c).Snapshots...))
			want := []string{second + "1", second + "2"}
			if strings.HasPrefix(ending, second) {
				want = want[:1]
			}
			if got := wantSound(t, c); !slices.Equal(got, want) {
				t.Errorf("%s held, %v: there is %v, want %v", ending, why, got, want)
			}
			if !errors.Is(errs[0], why) || (errs[1] == nil) != (len(want) == 1) {
				t.Errorf("%s held: got errors %v", ending, errs)
			}
		}
	}
}

// TestProofHeld: a proof that the store keeps holds up nothing, since it says nothing without its snapshot.
func TestProofHeld(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, holding{bucket, snapshot.CheckDrill + ".json", storage.ErrLocked})
	commit(t, c, second+"1")
	addProofs(t, c, second+"1")
	if errs := c.RemoveAll(t.Context(), doom(t, c, list(t, c).Snapshots...)); errors.Join(errs...) != nil {
		t.Errorf("RemoveAll: got errors %v", errs)
	}
	storagetest.Put(t, bucket, below+second+"1.db", content(second+"1")) // an orphan beside those proofs
	if removed, err := c.FinishRemoval(t.Context(), snapshot.NewID(at(10), 1)); removed != 1 || err != nil {
		t.Errorf("FinishRemoval: got %d, error %v", removed, err)
	}
	if l := list(t, c); len(l.Snapshots)+len(l.Orphans)+len(l.MissingData) != 0 || len(storagetest.List(t, bucket, "")) != 2 {
		t.Errorf("there is still %v", keys(storagetest.List(t, bucket, "")))
	}
}

// versioned is a bucket that keeps what Tidy was asked.
type versioned struct {
	storage.Bucket
	kept map[string]bool
	err  error
}

func (v versioned) Tidy(_ context.Context, prefix string, keep func(string) bool) (int, error) {
	for key := range v.kept {
		v.kept[key] = !strings.HasPrefix(key, prefix) || keep(key)
	}
	return 3, v.err
}

func TestTidy(t *testing.T) {
	old, bucket := snapshot.NewID(at(10), 5), openBucket(t)
	if removed, err := open(t, bucket).Tidy(t.Context(), old); removed != 0 || err != nil {
		t.Errorf("Tidy of a bucket without versions: got %d, %v", removed, err)
	}
	v := versioned{bucket, map[string]bool{
		below + second + "4.db.zst": false, below + second + "4.json": false, below + second + "5.json": true, below + second + "10.db": true,
		below + "notes.json": true, below + second + "4.db.bak": true, home + "cluster.json": true, "v1/other/snapshots/" + second + "4.json": true,
	}, nil}
	want := fmt.Sprint(v.kept)
	if removed, err := open(t, v).Tidy(t.Context(), old); removed != 3 || err != nil || fmt.Sprint(v.kept) != want {
		t.Errorf("Tidy: got %d, error %v, kept %v, want %s", removed, err, v.kept, want)
	}
	v.err = storage.ErrDenied
	if _, err := open(t, v).Tidy(t.Context(), old); !errors.Is(err, storage.ErrDenied) {
		t.Errorf("Tidy that is denied: got %v", err)
	}
}

// past is a bucket with one listing for all times.
type past struct {
	storage.Bucket
	then []storage.Object
}

func (p past) ListAt(_ context.Context, prefix string, _ time.Time) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for _, obj := range p.then {
			if strings.HasPrefix(obj.Key, prefix) && !yield(obj, nil) {
				return
			}
		}
	}
}

// TestAsOf: the past is listed and read as it was, and cannot be changed; the catalog of today stays as it is.
func TestAsOf(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	commit(t, c, second+"1")
	then := storagetest.List(t, bucket, "")
	commit(t, c, second+"2")
	old := c.AsOf(storage.NewAsOf(past{bucket, then}, at(11)))
	if got := wantSound(t, old); !slices.Equal(got, []string{second + "1"}) {
		t.Errorf("then there was %v", got)
	}
	if got := wantSound(t, c); len(got) != 2 {
		t.Errorf("today there is %v", got)
	}
	if errs := old.RemoveAll(t.Context(), doom(t, old, list(t, old).Snapshots...)); !errors.Is(errs[0], storage.ErrPast) {
		t.Errorf("RemoveAll in the past: got %v", errs)
	}
}
