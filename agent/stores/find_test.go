package stores_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/stores/storestest"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// TestFind has two stores with the same three snapshots, and spoils what is in them.
func TestFind(t *testing.T) {
	key := func(n int, suffix string) string { return "v1/test/snapshots/" + storestest.MustID(n) + suffix }
	nothing := func(*testing.T, storage.Bucket, storage.Bucket) {}
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, a, b storage.Bucket)
		ref   string
		want  string // store and number; "": none
		error error
		said  []string // of what was passed over, in this order
	}{
		{"latest", nothing, stores.Latest, "a 3", nil, nil},
		{"an ID", nothing, storestest.MustID(2), "a 2", nil, nil},
		{"none of that ID", nothing, storestest.MustID(9), "", catalog.ErrNotFound, nil},
		{"no ID", nothing, "../x", "", catalog.ErrNotFound, nil},
		{"the newest has no data in one store", func(t *testing.T, a, _ storage.Bucket) { storestest.Remove(t, a, key(3, ".db")) }, stores.Latest, "b 3", nil,
			[]string{"store a: snapshot " + storestest.MustID(3) + ": damaged: its data is gone"}},
		{"the newest has no data anywhere", func(t *testing.T, a, b storage.Bucket) {
			storestest.Remove(t, a, key(3, ".db"))
			storestest.Remove(t, b, key(3, ".db"))
		}, stores.Latest, "a 2", nil,
			[]string{"store a: snapshot " + storestest.MustID(3), "store b: snapshot " + storestest.MustID(3)}},
		{"the newest has no manifest that can be read", func(t *testing.T, a, b storage.Bucket) {
			storestest.Replace(t, a, key(3, ".json"), []byte("{"))
			storestest.Replace(t, b, key(3, ".json"), []byte("{"))
		}, stores.Latest, "a 2", nil, []string{"store a: read manifest " + storestest.MustID(3), "store b: read manifest " + storestest.MustID(3)}},
		{"an older one is damaged", func(t *testing.T, a, _ storage.Bucket) { storestest.Replace(t, a, key(2, ".json"), []byte("{")) }, stores.Latest, "a 3", nil, nil},
		{"the ID is damaged in one store", func(t *testing.T, a, _ storage.Bucket) { storestest.Replace(t, a, key(2, ".json"), []byte("{")) }, storestest.MustID(2), "b 2", nil,
			[]string{"store a: read manifest " + storestest.MustID(2)}},
		{"the ID is damaged in both", func(t *testing.T, a, b storage.Bucket) {
			storestest.Replace(t, a, key(2, ".json"), []byte("{"))
			storestest.Replace(t, b, key(2, ".json"), []byte("{"))
		}, storestest.MustID(2), "", snapshot.ErrDamaged, nil},
		// A version of it may still be there.
		{"the ID has no data anywhere", func(t *testing.T, a, b storage.Bucket) {
			storestest.Remove(t, a, key(2, ".db"))
			storestest.Remove(t, b, key(2, ".db"))
		}, storestest.MustID(2), "a 2", nil,
			[]string{"store a: snapshot " + storestest.MustID(2), "store b: snapshot " + storestest.MustID(2)}},
		{"nothing can be read", func(t *testing.T, a, b storage.Bucket) {
			for n := range 3 {
				storestest.Replace(t, a, key(n+1, ".json"), []byte("{"))
				storestest.Replace(t, b, key(n+1, ".json"), []byte("{"))
			}
		}, stores.Latest, "", snapshot.ErrDamaged, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			buckets := []storage.Bucket{storestest.OpenFolder(t), storestest.OpenFolder(t)}
			var said bytes.Buffer
			var all []stores.Store
			for i, bucket := range buckets {
				store := storestest.StoreIn(t, []string{"a", "b"}[i], bucket)
				store.FillWith(t, 1, 2, 3)
				store.Log = slog.New(slog.NewTextHandler(&said, nil))
				all = append(all, store.Store)
			}
			test.spoil(t, buckets[0], buckets[1])
			found, err := stores.Find(t.Context(), all, test.ref)
			got := ""
			if err == nil {
				got = fmt.Sprintf("%s %d", found.Store.Name, found.Manifest.Revision)
			}
			if got != test.want || !errors.Is(err, test.error) {
				t.Errorf("got %q, error %v; want %q, %v", got, err, test.want, test.error)
			}
			if len(found.Passed) != len(test.said) || strings.Count(said.String(), "\n") != len(test.said) {
				t.Fatalf("passed over %q, said\n%swant %q", found.Passed, said.String(), test.said)
			}
			for i, want := range test.said {
				if !strings.Contains(found.Passed[i].Error(), want) || !strings.Contains(said.String(), want) || !errors.Is(found.Passed[i], snapshot.ErrDamaged) {
					t.Errorf("passed over because of %q, want %q", found.Passed[i], want)
				}
			}
		})
	}
}

// TestFindFaults: where the newest cannot be read for want of the store, no older one is given in its place; another store may
// give the newest, and it is said that one was not asked.
func TestFindFaults(t *testing.T) {
	storagetest.Faults(t, storestest.OpenFolder, func(t *testing.T, faulty *storagetest.Faulty, bucket storage.Bucket) {
		a := storestest.StoreIn(t, "a", bucket)
		a.FillWith(t, 1, 2)
		found, err := stores.Find(t.Context(), storestest.List(storestest.StoreIn(t, "a", faulty)), stores.Latest)
		if faulty.Met() != errors.Is(err, storagetest.ErrFault) || err == nil && found.Manifest.Revision != 2 {
			t.Errorf("fault met: %v; got %s, error %v", faulty.Met(), found.Manifest.ID, err)
		}
	})
	a, b := storestest.StoreIn(t, "a", storestest.Down(storestest.OpenFolder(t))), storestest.StoreIn(t, "b", storestest.OpenFolder(t))
	b.FillWith(t, 1)
	found, err := stores.Find(t.Context(), storestest.List(a, b), stores.Latest)
	if err != nil || found.Store.Name != "b" || len(found.Passed) != 1 || !errors.Is(found.Passed[0], storagetest.ErrFault) {
		t.Errorf("%+v, error %v", found, err)
	}
	if found, err = stores.Find(t.Context(), storestest.List(a, b), storestest.MustID(1)); err != nil || len(found.Passed) > 0 {
		t.Errorf("%+v, error %v", found, err)
	}
	if _, err = stores.Find(t.Context(), storestest.List(a, b), storestest.MustID(2)); !errors.Is(err, storagetest.ErrFault) {
		t.Errorf("got %v", err)
	}
}

func TestHolders(t *testing.T) {
	missing := storestest.OpenFolder(t)
	all := storestest.List(storestest.StoreIn(t, "a", storestest.OpenFolder(t)), storestest.StoreIn(t, "b", storestest.OpenFolder(t)), storestest.StoreIn(t, "c", missing), storestest.StoreIn(t, "d", storestest.OpenFolder(t)), storestest.StoreIn(t, "e", storestest.Down(storestest.OpenFolder(t))))
	for _, n := range []int{0, 2, 3} {
		storestest.Store{Store: all[n]}.FillWith(t, 1)
	}
	storestest.Remove(t, missing, "v1/test/snapshots/"+storestest.MustID(1)+".db")
	names, err := stores.Holders(t.Context(), all, snapshot.NewID(storestest.Hour(1), 1))
	if !slices.Equal(names, []string{"a", "d"}) || !errors.Is(err, storagetest.ErrFault) {
		t.Errorf("%v, error %v", names, err)
	}
}

// TestFindAhead checks that the latest is not a snapshot with a time in the future, as long as there is
// another.
func TestFindAhead(t *testing.T) {
	at := func(d time.Duration) (snapshot.Manifest, []byte) {
		return storestest.Stored(int(d.Hours()), func(m *snapshot.Manifest) {
			id := snapshot.NewID(time.Now().Add(d), m.Revision)
			m.ID, m.TakenAt = id.String(), id.TakenAt
		})
	}
	a := storestest.StoreIn(t, "a", storestest.OpenFolder(t))
	ahead, content := at(48 * time.Hour)
	a.Commit(t, ahead, content)
	if found, err := stores.Find(t.Context(), storestest.List(a), stores.Latest); err != nil || found.Manifest.ID != ahead.ID || len(found.Passed) > 0 {
		t.Errorf("alone: got %s, passed over %q, error %v", found.Manifest.ID, found.Passed, err)
	}
	past, content := at(0)
	a.Commit(t, past, content)
	found, err := stores.Find(t.Context(), storestest.List(a), stores.Latest)
	if err != nil || found.Manifest.ID != past.ID || len(found.Passed) != 1 || !strings.Contains(found.Passed[0].Error(), ahead.ID) {
		t.Errorf("got %s, passed over %q, error %v", found.Manifest.ID, found.Passed, err)
	}
	if found, err = stores.Find(t.Context(), storestest.List(a), ahead.ID); err != nil || found.Manifest.ID != ahead.ID {
		t.Errorf("by its ID: got %s, error %v", found.Manifest.ID, err)
	}
}
