package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores/storestest"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// post is the spool of one host.
type post struct{ folder string }

// newPost makes one in which some snapshots wait for the stores named.
func newPost(t *testing.T, stores []string, numbers ...int) post {
	t.Helper()
	p := post{t.TempDir()}
	for _, n := range numbers {
		m, content := storestest.Stored(n)
		p.add(t, stores, m, content)
	}
	return p
}

func (p post) add(t *testing.T, stores []string, m snapshot.Manifest, content []byte) {
	t.Helper()
	area, err := staging.Open(p.folder)
	if err != nil {
		t.Fatal(err)
	}
	file, err := area.Create("sealed")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(content); err != nil {
		t.Fatal(err)
	}
	if _, err := spool.Open(area, 1<<30).Add(file, spool.Entry{Manifest: m, Pending: stores}); err != nil {
		t.Fatal(err)
	}
}

// courier is that of a process that has just started.
func (p post) courier(t *testing.T, all ...storestest.Store) *Courier {
	t.Helper()
	area, err := staging.Open(p.folder)
	if err != nil {
		t.Fatal(err)
	}
	return &Courier{Spool: spool.Open(area, 1<<30), Stores: storestest.List(all...), Log: slog.New(slog.DiscardHandler)}
}

// run delivers, and gives the errors of the stores that failed.
func (p post) run(t *testing.T, all ...storestest.Store) map[string]error {
	t.Helper()
	d, err := p.courier(t, all...).Run(t.Context())
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	return d.Failed
}

// waiting gives, by store, the revisions of what it still lacks.
func (p post) waiting(t *testing.T) map[string][]int64 {
	t.Helper()
	entries, err := spool.Peek(p.folder)
	if err != nil {
		t.Fatal(err)
	}
	waiting := map[string][]int64{}
	for _, e := range entries {
		for _, store := range e.Pending {
			waiting[store] = append(waiting[store], e.Manifest.Revision)
		}
	}
	return waiting
}

func (p post) wantWaiting(t *testing.T, store string, want ...int64) {
	t.Helper()
	if got := p.waiting(t)[store]; !slices.Equal(got, want) {
		t.Errorf("for store %s wait %v, want %v", store, got, want)
	}
}

func (p post) wantEmpty(t *testing.T) {
	t.Helper()
	if got := p.waiting(t); len(got) > 0 {
		t.Errorf("there is still waiting: %v", got)
	}
}

// TestCourierOrder has snapshots wait that were spooled in any order, and as text sort in another.
func TestCourierOrder(t *testing.T) {
	p := newPost(t, []string{"a"}, 10, 9, 100, 2)
	bucket := storestest.Refusing(storestest.OpenFolder(t), "", "", nil)
	a := storestest.StoreIn(t, "a", bucket)
	if failed := p.run(t, a); len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
	a.Want(t, 2, 9, 10, 100)
	p.wantEmpty(t)
	var order []string
	for _, key := range bucket.Puts {
		if id, ok := strings.CutSuffix(key, ".json"); ok && strings.Contains(key, "/snapshots/") {
			order = append(order, id[strings.LastIndex(id, "-")+1:])
		}
	}
	if got := strings.Join(order, " "); got != "100 2 9 10" { // the newest is worth most
		t.Errorf("committed in the order %s", got)
	}
}

// TestCourierStoreAway has one of two stores be away for three snapshots, and the host start again meanwhile.
func TestCourierStoreAway(t *testing.T) {
	both := []string{"a", "b"}
	p := newPost(t, both, 1, 2)
	folder := storestest.OpenFolder(t)
	a, away, back := storestest.StoreIn(t, "a", storestest.OpenFolder(t)), storestest.StoreIn(t, "b", storestest.Down(folder)), storestest.StoreIn(t, "b", folder)
	for range 2 {
		failed := p.run(t, a, away)
		if len(failed) != 1 || !errors.Is(failed["b"], storagetest.ErrFault) {
			t.Errorf("failed: %v", failed)
		}
	}
	m, content := storestest.Stored(3)
	p.add(t, both, m, content)
	p.run(t, a, away)
	a.Want(t, 1, 2, 3)
	p.wantWaiting(t, "a")
	p.wantWaiting(t, "b", 1, 2, 3)
	if failed := p.run(t, a, back); len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
	back.Want(t, 1, 2, 3)
	p.wantEmpty(t)
}

// TestCourierGoesOn holds that a snapshot which the store does not take holds up none that was taken later.
func TestCourierGoesOn(t *testing.T) {
	p := newPost(t, []string{"a"}, 1, 2, 3, 4)
	full := errors.New("no space")
	folder := storestest.OpenFolder(t)
	if failed := p.run(t, storestest.StoreIn(t, "a", storestest.Refusing(folder, "put", "-2.db", full))); !errors.Is(failed["a"], full) {
		t.Errorf("failed: %v", failed)
	}
	a := storestest.StoreIn(t, "a", folder)
	if got := a.Numbers(t); !slices.Equal(got, []int64{1, 3, 4}) {
		t.Errorf("stored are %v", got)
	}
	p.wantWaiting(t, "a", 2)
	p.run(t, a)
	a.Want(t, 1, 2, 3, 4)
}

// TestCourierFaults fails each operation of a delivery in each way.
func TestCourierFaults(t *testing.T) {
	runs := 0
	storagetest.Faults(t, storestest.OpenFolder, func(t *testing.T, faulty *storagetest.Faulty, bucket storage.Bucket) {
		runs++
		p := newPost(t, []string{"a"}, 1, 2)
		a := storestest.StoreIn(t, "a", bucket)
		failed := p.run(t, storestest.StoreIn(t, "a", faulty))
		if faulty.Met() != (failed["a"] != nil) {
			t.Errorf("fault met: %v, failed: %v", faulty.Met(), failed)
		}
		// What does not wait any more is storestest.Stored.
		for n := int64(1); n <= 2; n++ {
			if !slices.Contains(p.waiting(t)["a"], n) && !slices.Contains(a.Numbers(t), n) {
				t.Errorf("snapshot %d neither waits nor is stored", n)
			}
		}
		if failed := p.run(t, a); len(failed) > 0 {
			t.Errorf("the next run failed: %v", failed)
		}
		a.Want(t, 1, 2)
		p.wantEmpty(t)
	})
	if runs < 4*8 {
		t.Errorf("there were %d runs", runs)
	}
}

// TestCourierForgottenStore has a store be taken out of the configuration while snapshots wait for it.
func TestCourierForgottenStore(t *testing.T) {
	p := newPost(t, []string{"a", "old"}, 1, 2)
	folder := storestest.OpenFolder(t)
	p.run(t, storestest.StoreIn(t, "a", storestest.Down(folder)))
	p.wantWaiting(t, "a", 1, 2)
	p.wantWaiting(t, "old")
	a := storestest.StoreIn(t, "a", folder)
	if failed := p.run(t, a); len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
	a.Want(t, 1, 2)
	p.wantEmpty(t)
}

// TestCourierClash has the store hold another snapshot of the ID of the first that waits.
func TestCourierClash(t *testing.T) {
	for _, test := range []struct {
		name   string
		theirs func(*snapshot.Manifest)
		serves bool
	}{
		{"another member's of the same cluster", func(m *snapshot.Manifest) { m.Member.Name = "m2" }, true},
		{"of another cluster", storestest.OfAnother, false},
		{"not proven", storestest.Unproven, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPost(t, []string{"a"}, 1, 2)
			a := storestest.StoreIn(t, "a", storestest.OpenFolder(t))
			m, _ := storestest.Stored(1, test.theirs)
			_, content := storestest.Stored(7)
			other, _ := storestest.Stored(7)
			m.Object = other.Object
			a.Commit(t, m, content)
			d, err := p.courier(t, a).Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := []int64{1, 2}
			if !test.serves {
				want = []int64{1, 1, 2} // ours, a second later
			}
			a.Want(t, want...)
			p.wantEmpty(t)
			got, ok := d.Stored["a"][m.ID]
			switch {
			case test.serves && (!ok || got.Object.SHA256 != m.Object.SHA256 || d.Failed["a"] != nil):
				t.Errorf("it serves as well: storestest.Stored %+v, failed %v", d.Stored, d.Failed)
			case !test.serves && (!ok || got.ID == m.ID || got.Member.Name != "m1" || d.Failed["a"] != nil):
				t.Errorf("it does not serve: storestest.Stored %+v, failed %v", d.Stored, d.Failed)
			}
			if _, ok := d.Stored["a"][storestest.MustID(2)]; !ok {
				t.Errorf("the other one is not told of: %+v", d.Stored)
			}
		})
	}
}

// TestCourierOtherCluster has a store whose backups are another cluster's, until somebody accepts that.
func TestCourierOtherCluster(t *testing.T) {
	p := newPost(t, []string{"a", "b"}, 1)
	folder := storestest.OpenFolder(t)
	a, b := storestest.StoreIn(t, "a", folder), storestest.StoreIn(t, "b", storestest.OpenFolder(t))
	if err := a.Catalog.Claim(t.Context(), storestest.OtherCluster, false); err != nil {
		t.Fatal(err)
	}
	if failed := p.run(t, a, b); len(failed) != 1 || !errors.Is(failed["a"], catalog.ErrOtherCluster) {
		t.Errorf("failed: %v", failed)
	}
	a.Want(t)
	b.Want(t, 1)
	accepting := p.courier(t, a, b)
	accepting.AcceptNewCluster = true
	if d, err := accepting.Run(t.Context()); err != nil || len(d.Failed) > 0 {
		t.Errorf("accepted: failed %v, error %v", d.Failed, err)
	}
	a.Want(t, 1)
	p.wantEmpty(t)
}

// TestCourierEnds holds that a run whose time is over leaves all that waits.
func TestCourierEnds(t *testing.T) {
	p := newPost(t, []string{"a"}, 1, 2)
	a := storestest.StoreIn(t, "a", storestest.OpenFolder(t))
	why := errors.New("time is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	unlock, err := p.courier(t).Spool.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cancel(why)
	if _, err := p.courier(t, a).Run(ctx); !errors.Is(err, why) {
		t.Errorf("while another process delivers: got error %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	d, err := p.courier(t, a).Run(ctx)
	if err != nil || !errors.Is(d.Failed["a"], why) {
		t.Errorf("got error %v, failed %v", err, d.Failed)
	}
	p.wantWaiting(t, "a", 1, 2)
}

// TestCouriersAtOnce has two processes deliver the same spool.
func TestCouriersAtOnce(t *testing.T) {
	p := newPost(t, []string{"a"}, 1, 2, 3, 4)
	bucket := storestest.Refusing(storestest.OpenFolder(t), "", "", nil)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if failed := p.run(t, storestest.StoreIn(t, "a", bucket)); len(failed) > 0 {
				t.Errorf("failed: %v", failed)
			}
		})
	}
	wg.Wait()
	storestest.StoreIn(t, "a", bucket).Want(t, 1, 2, 3, 4)
	written := slices.DeleteFunc(bucket.Puts, func(key string) bool { return strings.HasSuffix(key, "/create-only.json") })
	if got := len(written); got != 1+2*4 {
		t.Errorf("%d objects were written, want the identity and two of each snapshot: %v", got, written)
	}
}
