package prune

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/retention"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores/storestest"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// prunerOf keeps one snapshot, and notes what it removes in a folder.
func prunerOf(t *testing.T, store storestest.Store, folder string) *Pruner {
	t.Helper()
	area, err := staging.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return &Pruner{Store: store.Store, Removals: Removals{area}, Log: slog.New(slog.DiscardHandler)}
}

// decision gives what was decided on a snapshot.
func (p Plan) decision(t *testing.T, n int) Decision {
	t.Helper()
	for _, d := range p.Decisions {
		if d.Entry.ID.Revision == int64(n) {
			return d
		}
	}
	t.Fatalf("nothing was decided on snapshot %d: %+v", n, p.Decisions)
	return Decision{}
}

// TestPruneHeld has a store in which nothing is proven.
func TestPruneHeld(t *testing.T) {
	a := storestest.StoreIn(t, "a", storestest.OpenFolder(t))
	for n := range 3 {
		m, content := storestest.Stored(n+1, storestest.Unproven)
		a.Commit(t, m, content)
	}
	p := prunerOf(t, a, t.TempDir())
	plan, err := p.Plan(t.Context(), storestest.Hour(100))
	if err != nil || plan.Held == "" || plan.Remove() != 0 {
		t.Errorf("Plan: held %q, to remove %d, error %v", plan.Held, plan.Remove(), err)
	}
	done, err := p.Apply(t.Context(), plan)
	if !errors.Is(err, agent.ErrPartial) || !strings.Contains(err.Error(), plan.Held) || len(done.Removed) > 0 {
		t.Errorf("Apply: removed %v, error %v", done.Removed, err)
	}
	a.Want(t, 1, 2, 3)
}

// TestPruneLeavesAlone has snapshots of which the store tells too little to judge them, or that are not ours.
func TestPruneLeavesAlone(t *testing.T) {
	bucket := storestest.OpenFolder(t)
	a := storestest.StoreIn(t, "a", bucket)
	a.FillWith(t, 1, 2, 3, 5, 6)
	foreign, content := storestest.Stored(4, storestest.OfAnother)
	a.Commit(t, foreign, content)
	storestest.Replace(t, bucket, "v1/test/snapshots/"+storestest.MustID(1)+".json", []byte("{"))
	first, _ := storestest.Stored(3)
	first.Object.Key = "v1/test/snapshots/" + storestest.MustID(3) + ".db"
	body, err := first.Encode()
	if err != nil {
		t.Fatal(err)
	}
	storestest.Replace(t, bucket, "v1/test/snapshots/"+storestest.MustID(2)+".json", body) // that of another

	p := prunerOf(t, a, t.TempDir())
	plan, err := p.Plan(t.Context(), storestest.Hour(100))
	if err != nil {
		t.Fatal(err)
	}
	for n, why := range map[int]string{1: "left alone: ", 2: "it is that of", 4: "left alone: it is of etcd cluster c2", 6: "newest proven"} {
		if d := plan.decision(t, n); !d.Keep || !strings.Contains(strings.Join(d.Reasons, " "), why) {
			t.Errorf("snapshot %d: keep %v because of %q, want %q", n, d.Keep, d.Reasons, why)
		}
	}
	done, err := p.Apply(t.Context(), plan)
	if want := []string{storestest.MustID(3), storestest.MustID(5)}; err != nil || !slices.Equal(done.Removed, want) {
		t.Errorf("Apply: removed %v, want %v, error %v", done.Removed, want, err)
	}
	for _, n := range []int{1, 2, 4, 6} {
		for _, kind := range []string{".json", ".db"} {
			key := "v1/test/snapshots/" + storestest.MustID(n) + kind
			if len(storagetest.List(t, bucket, key)) != 1 {
				t.Errorf("%s is gone", key)
			}
		}
	}
}

// TestPruneDamaged has the newest one be found damaged since: it is not what the others go for.
func TestPruneDamaged(t *testing.T) {
	a := storestest.StoreIn(t, "a", storestest.OpenFolder(t))
	a.FillWith(t, 1, 2, 3)
	a.Prove(t, 2, true)
	a.Prove(t, 3, false)
	if _, err := prunerOf(t, a, t.TempDir()).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.Numbers(t); !slices.Contains(got, 2) || slices.Contains(got, 1) {
		t.Errorf("kept %v", got)
	}
}

// note adds a proof that is no reason to keep a snapshot.
func note(t *testing.T, s storestest.Store, n int) {
	t.Helper()
	p := catalog.Proof{ID: storestest.MustID(n), At: storestest.Hour(n + 1), Check: snapshot.Check{Name: snapshot.CheckPages, OK: true}, Tool: "test"}
	if err := s.Catalog.AddProof(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

// TestPruneKeepsLevels: the newest of each of the higher levels of proof stays, whether the manifest or a later proof has it, until a newer one of that level is there.
func TestPruneKeepsLevels(t *testing.T) {
	a := storestest.StoreIn(t, "a", storestest.OpenFolder(t))
	a.FillWith(t, 1, 2, 3, 4)
	a.Prove(t, 1, true)
	a.Prove(t, 2, true)
	if _, err := prunerOf(t, a, t.TempDir()).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.Want(t, 2, 4)
	a.Prove(t, 4, true)
	if _, err := prunerOf(t, a, t.TempDir()).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.Want(t, 4)
}

// TestPruneRefused has a store that does not let something go.
func TestPruneRefused(t *testing.T) {
	for _, test := range []struct {
		name, text string
		with       error
		left       []int64 // snapshots
	}{
		{"the data is locked", "-1.db", storage.ErrLocked, []int64{1, 3}},
		{"a manifest is locked", "-2.json", storage.ErrLocked, []int64{2, 3}},
		{"denied", "v1/", storage.ErrDenied, []int64{1, 2, 3}},
		{"only a proof is locked", "proofs/", storage.ErrLocked, []int64{3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bucket := storestest.OpenFolder(t)
			free := storestest.StoreIn(t, "a", bucket)
			free.FillWith(t, 1, 2, 3)
			note(t, free, 1)
			p := prunerOf(t, storestest.StoreIn(t, "a", storestest.Refusing(bucket, "delete", test.text, test.with)), t.TempDir())
			done, err := p.Run(t.Context())
			free.Want(t, test.left...)
			if len(done.Skipped) != len(test.left)-1 || len(done.Removed) != 3-len(test.left) {
				t.Errorf("removed %v, skipped %v", done.Removed, done.Skipped)
			}
			for id, cause := range done.Skipped {
				if !errors.Is(cause, test.with) {
					t.Errorf("%s was skipped because of: %v", id, cause)
				}
			}
			if refused := len(test.left) > 1; refused != (errors.Is(err, agent.ErrPartial) && errors.Is(err, test.with)) || !refused && err != nil {
				t.Errorf("got error %v", err)
			}
			// Nothing is left to be finished: what is there is there on purpose.
			if _, err := p.Removals.Finish(t.Context(), storestest.List(free)); err != nil {
				t.Errorf("Finish: %v", err)
			}
			free.Want(t, test.left...)
			// Once nothing holds them they go.
			if _, err := prunerOf(t, free, t.TempDir()).Run(t.Context()); err != nil {
				t.Errorf("the next run: %v", err)
			}
			free.Want(t, 3)
		})
	}
}

// TestPruneFaults fails each operation of a prune in each way: whatever is listed is whole, the newest is never lost, and the
// next process finishes what was begun, without a day's wait.
func TestPruneFaults(t *testing.T) {
	finished := 0
	storagetest.Faults(t, storestest.OpenFolder, func(t *testing.T, faulty *storagetest.Faulty, bucket storage.Bucket) {
		a, notes := storestest.StoreIn(t, "a", bucket), t.TempDir()
		a.FillWith(t, 1, 2, 3)
		note(t, a, 1)
		p := prunerOf(t, storestest.StoreIn(t, "a", faulty), notes)
		done, err := p.Run(t.Context())
		if faulty.Met() != errors.Is(err, storagetest.ErrFault) {
			t.Errorf("fault met: %v, error %v", faulty.Met(), err)
		}
		left := a.Numbers(t)
		if !slices.Contains(left, 3) {
			t.Errorf("only %v are left", left)
		}
		for _, id := range done.Removed {
			if id == storestest.MustID(1) && slices.Contains(left, 1) || id == storestest.MustID(2) && slices.Contains(left, 2) {
				t.Errorf("said to be removed: %v, listed: %v", done.Removed, left)
			}
		}
		next := prunerOf(t, a, notes)
		n, err := next.Removals.Finish(t.Context(), storestest.List(a))
		if err != nil {
			t.Errorf("Finish: %v", err)
		}
		finished += n
		a.Want(t, left...)
		if _, err := next.Run(t.Context()); err != nil {
			t.Errorf("the next run: %v", err)
		}
		a.Want(t, 3)
		if proofs := storagetest.List(t, bucket, "v1/test/proofs/"); len(proofs) > 0 {
			t.Errorf("proofs of nothing: %v", proofs)
		}
	})
	if finished == 0 {
		t.Error("no removal was cut between manifest and data")
	}
}

// vanishing is a bucket in which somebody else removes an object between the listing and the reading.
type vanishing struct {
	storage.Bucket
	key string
}

func (v vanishing) Open(ctx context.Context, obj storage.Object) (io.ReadCloser, error) {
	if obj.Key == v.key {
		if err := v.Delete(ctx, storage.Object{Key: v.key}); err != nil {
			return nil, err
		}
		return nil, fs.ErrNotExist
	}
	return v.Bucket.Open(ctx, obj)
}

// TestPruneBesideAnother has another agent remove a snapshot at the same time.
func TestPruneBesideAnother(t *testing.T) {
	bucket := storestest.OpenFolder(t)
	a := storestest.StoreIn(t, "a", bucket)
	a.FillWith(t, 1, 2, 3)
	p := prunerOf(t, storestest.StoreIn(t, "a", vanishing{bucket, "v1/test/snapshots/" + storestest.MustID(1) + ".json"}), t.TempDir())
	plan, err := p.Plan(t.Context(), storestest.Hour(100))
	if err != nil {
		t.Fatal(err)
	}
	if d := plan.decision(t, 1); !d.Keep || !strings.Contains(d.Reasons[0], "another agent removed it") {
		t.Errorf("snapshot 1: keep %v because of %q", d.Keep, d.Reasons)
	}
	if d := plan.decision(t, 2); d.Keep {
		t.Errorf("snapshot 2 is kept because of %q", d.Reasons)
	}
}

// TestPruneOrphans sweeps what cut uploads left, and not what may still be going on.
func TestPruneOrphans(t *testing.T) {
	bucket := storestest.OpenFolder(t)
	a := storestest.StoreIn(t, "a", bucket)
	a.FillWith(t, 1)
	_, content := storestest.Stored(2)
	storagetest.Put(t, bucket, "v1/test/snapshots/"+storestest.MustID(2)+".db", content)
	p := prunerOf(t, a, t.TempDir())
	for _, test := range []struct {
		later time.Duration
		want  int
	}{{orphanAge - time.Minute, 0}, {orphanAge + time.Minute, 1}} {
		plan, err := p.Plan(t.Context(), time.Now().Add(test.later))
		if err != nil {
			t.Fatal(err)
		}
		done, err := p.Apply(t.Context(), plan)
		if err != nil || len(plan.Orphans) != test.want || len(done.Orphans) != test.want {
			t.Errorf("after %s: planned %v, swept %v, error %v", test.later, plan.Orphans, done.Orphans, err)
		}
	}
	a.Want(t, 1)
}

// TestTidyBefore holds that nothing is tidied away that could be of use.
func TestTidyBefore(t *testing.T) {
	now := storestest.Hour(24 * 100)
	day := 24 * time.Hour
	keep := func(age time.Duration) Decision {
		return Decision{Entry: catalog.Entry{ID: snapshot.NewID(now.Add(-age), 1)}, Keep: true}
	}
	goes := keep(90 * day)
	goes.Keep = false
	for _, test := range []struct {
		decisions []Decision
		within    time.Duration
		want      time.Duration
	}{
		{nil, 0, 30 * day},
		{nil, 60 * day, 60 * day},
		{[]Decision{keep(day)}, 0, 30 * day},
		{[]Decision{keep(40 * day), keep(day)}, 0, 40 * day},
		{[]Decision{goes, keep(day)}, 0, 30 * day},
	} {
		plan := Plan{now: now, Decisions: test.decisions}
		if got := now.Sub(plan.tidyBefore(retention.Policy{KeepWithin: test.within}).TakenAt); got != test.want {
			t.Errorf("%d decisions, keep_within %s: got %s before, want %s", len(test.decisions), test.within, got, test.want)
		}
	}
}

// TestPruneAnothersStore: a store that belongs to another cluster than the one that answers is left alone, its orphans too.
func TestPruneAnothersStore(t *testing.T) {
	bucket := storestest.OpenFolder(t)
	a := storestest.StoreIn(t, "a", bucket)
	a.FillWith(t, 1, 2, 3)
	_, content := storestest.Stored(4)
	storagetest.Put(t, bucket, "v1/test/snapshots/"+storestest.MustID(4)+".db", content)
	p := prunerOf(t, a, t.TempDir())
	p.Live = storestest.OtherCluster
	plan, err := p.Plan(t.Context(), time.Now().Add(2*orphanAge))
	if err != nil || !strings.Contains(plan.Held, "the one that answers is c2") || plan.Remove() > 0 || len(plan.Orphans) > 0 || len(plan.Decisions) != 3 {
		t.Errorf("%+v, error %v", plan, err)
	}
	done, err := p.Apply(t.Context(), plan)
	if !errors.Is(err, agent.ErrPartial) || !errors.Is(err, catalog.ErrOtherCluster) || len(done.Removed)+len(done.Orphans) > 0 {
		t.Errorf("Apply: %+v, error %v", done, err)
	}
	if got := a.Numbers(t); len(got) != 3 {
		t.Errorf("left are %v", got)
	}
	for _, live := range []string{"", storestest.OurCluster} {
		p.Live = live
		if plan, err := p.Plan(t.Context(), storestest.Hour(100)); err != nil || plan.Held != "" || plan.Remove() != 2 {
			t.Errorf("live %q: held %q, to remove %d, error %v", live, plan.Held, plan.Remove(), err)
		}
	}
}

// TestPruneBereft: a manifest whose data somebody removed goes once nobody can want that undone, and counts for nothing before.
func TestPruneBereft(t *testing.T) {
	bucket := storestest.OpenFolder(t)
	a := storestest.StoreIn(t, "a", bucket)
	a.FillWith(t, 1, 2, 3)
	for _, n := range []int{1, 3} {
		storestest.Remove(t, bucket, "v1/test/snapshots/"+storestest.MustID(n)+".db")
	}
	p := prunerOf(t, a, t.TempDir())
	for _, test := range []struct {
		now  time.Time
		want []string
	}{{storestest.Hour(100), nil}, {storestest.Hour(1).Add(hiddenFor - time.Second), nil}, {storestest.Hour(1).Add(hiddenFor), []string{storestest.MustID(1)}}} {
		plan, err := p.Plan(t.Context(), test.now)
		if err != nil || fmt.Sprint(plan.removeIDs()) != fmt.Sprint(append([]string{}, test.want...)) {
			t.Errorf("at %s: to remove %v, want %v, error %v", test.now, plan.removeIDs(), test.want, err)
		}
		if d := plan.decision(t, 2); !d.Keep || !strings.Contains(strings.Join(d.Reasons, " "), "newest proven") {
			t.Errorf("snapshot 2: %+v", d)
		}
	}
	plan, err := p.Plan(t.Context(), storestest.Hour(1).Add(hiddenFor))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	listing, err := a.Catalog.List(t.Context())
	if err != nil || len(listing.MissingData) != 1 || len(listing.Snapshots) != 1 || listing.MissingData[0].ID.Revision != 3 {
		t.Errorf("%+v, error %v", listing, err)
	}
}
