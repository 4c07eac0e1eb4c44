package stores_test

import (
	"errors"
	"testing"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/stores/storestest"
)

// TestPassingManifest has a store give something else than the newest manifest, once and for as long as it is asked. Once does no harm. For
// ever, it could not be read: neither damaged, nor not there, nor passed over for an older one.
func TestPassingManifest(t *testing.T) {
	for name, answer := range storestest.Passing {
		for times, forEver := range map[int]bool{1: false, 1000: true} {
			bucket := storestest.OpenFolder(t)
			storestest.StoreIn(t, "a", bucket).FillWith(t, 1, 2)
			a := storestest.StoreIn(t, "a", storestest.NewFlaky(bucket, storestest.MustID(2)+".json", times, answer))
			for _, ref := range []string{stores.Latest, storestest.MustID(2)} {
				found, err := stores.Find(t.Context(), storestest.List(a), ref)
				switch {
				case name == "wrong bytes of the right length" && forEver:
					if ref != stores.Latest && !errors.Is(err, snapshot.ErrDamaged) {
						t.Errorf("%s for ever, %s: %v", name, ref, err)
					}
				case !forEver:
					if err != nil || found.Entry.ID.Revision != 2 || len(found.Passed) > 0 {
						t.Errorf("%s once, %s: %v, passed %v, error %v", name, ref, found.Entry.ID, found.Passed, err)
					}
				case err == nil, errors.Is(err, snapshot.ErrDamaged), errors.Is(err, catalog.ErrNotFound):
					t.Errorf("%s %d times, %s: %v, passed %v, error %v", name, times, ref, found.Entry.ID, found.Passed, err)
				}
			}
		}
	}
}
