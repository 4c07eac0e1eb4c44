package verify

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/stores/storestest"
	"github.com/etcdward/etcdward/storage"
)

// proofsOf are the proofs noted of the one snapshot of a store.
func proofsOf(t *testing.T, s storestest.Store, id string) []catalog.Proof {
	t.Helper()
	parsed, err := snapshot.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	proofs, err := s.Catalog.Proofs(t.Context(), parsed)
	if err != nil {
		t.Fatal(err)
	}
	return proofs
}

// TestPassingFault has a store give something else than the data once, twice, and for as long as it is asked: none of it is damage, and
// nothing is noted. It is only if the bytes have the listed length that they may be the object's.
func TestPassingFault(t *testing.T) {
	for name, answer := range storestest.Passing {
		for times, forEver := range map[int]bool{1: false, 2: false, 1000: true} {
			sealed := sealedBytes(t)
			bucket := storestest.OpenFolder(t)
			m := commitSealed(t, storestest.StoreIn(t, "a", bucket), sealed)
			a := storestest.StoreIn(t, "a", storestest.NewFlaky(bucket, "/snapshots/"+m.ID+".db", times, answer))
			found, err := stores.Find(t.Context(), storestest.List(a), stores.Latest)
			if err != nil {
				t.Fatal(err)
			}
			result, err := verifierIn(t, seal.Identities{}).Stored(t.Context(), found)
			proofs := proofsOf(t, a, m.ID)
			if name == "wrong bytes of the right length" && forEver {
				// Two readings that give the same wrong bytes, of the listed length, are a fact.
				if err != nil || !result.Damaged() || len(proofs) != 1 {
					t.Errorf("%s, %d times: %+v, %v, proofs %v", name, times, result, err, proofs)
				}
				continue
			}
			// The seal's recognition reads once, the check of the bytes a second time: a fault that has passed by then does no harm.
			sound := err == nil && result.OK
			noted := slices.ContainsFunc(proofs, func(p catalog.Proof) bool { return !p.Check.OK || p.Check.Name != checkObject }) || !sound && len(proofs) > 0
			if noted || errors.Is(err, snapshot.ErrDamaged) || err == nil && !result.OK || forEver && sound {
				t.Errorf("%s, %d times: %+v, %v, proofs %v", name, times, result, err, proofs)
			}
		}
	}
}

// blinking is a bucket whose listings, and opens, lack the data for its first calls.
type blinking struct {
	storage.Bucket
	key string

	mu          sync.Mutex
	lists, gets int
}

func (b *blinking) gone(key string, left *int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.Contains(key, b.key) && *left > 0 {
		*left--
		return true
	}
	return false
}

func (b *blinking) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for obj, err := range b.Bucket.List(ctx, prefix) {
			if err == nil && b.gone(obj.Key, &b.lists) {
				continue
			}
			if !yield(obj, err) {
				return
			}
		}
	}
}

func (b *blinking) Open(ctx context.Context, obj storage.Object) (io.ReadCloser, error) {
	if b.gone(obj.Key, &b.gets) {
		return storestest.NewFlaky(b.Bucket, obj.Key, 1, storestest.Passing["404"]).Open(ctx, obj)
	}
	return b.Bucket.Open(ctx, obj)
}

// TestAbsence has data be gone from a store for some calls: only what stays gone, in two listings some time apart, is called so.
func TestAbsence(t *testing.T) {
	for _, test := range []struct {
		name        string
		lists, gets int
		damaged     bool
	}{
		{"one open and its listing", 1, 1, false},
		{"every open, and no listing", 0, 1000, false},
		{"all of it", 1000, 1000, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			bucket := storestest.OpenFolder(t)
			m := commitSealed(t, storestest.StoreIn(t, "a", bucket), sealedBytes(t))
			whole := storestest.StoreIn(t, "a", bucket)
			found, err := stores.Find(t.Context(), storestest.List(whole), stores.Latest)
			if err != nil {
				t.Fatal(err)
			}
			a := storestest.StoreIn(t, "a", &blinking{Bucket: bucket, key: m.ID + ".db", lists: test.lists, gets: test.gets})
			found.Store = a.Store
			result, err := verifierIn(t, seal.Identities{}).Stored(t.Context(), found)
			noted := len(proofsOf(t, whole, m.ID)) > 0
			if noted != test.damaged || (err == nil && result.Damaged()) != test.damaged || !test.damaged && errors.Is(err, snapshot.ErrDamaged) {
				t.Errorf("%+v, %v, noted %t", result, err, noted)
			}
		})
	}
}

// TestSamplerMissingData has one listing of three lack the data.
func TestSamplerMissingData(t *testing.T) {
	for lists, damaged := range map[int]bool{1: false, 1000: true} {
		bucket := storestest.OpenFolder(t)
		m := commitSealed(t, storestest.StoreIn(t, "a", bucket), sealedBytes(t))
		a := storestest.StoreIn(t, "a", &blinking{Bucket: bucket, key: m.ID + ".db", lists: lists})
		job := Sampler{Verifier: verifierIn(t, seal.Identities{}), Stores: storestest.List(a), Share: 1, Log: slog.New(slog.DiscardHandler)}
		if err := job.Run(t.Context()); errors.Is(err, snapshot.ErrDamaged) != damaged || !damaged && err != nil {
			t.Errorf("%d listings without the data: %v", lists, err)
		}
	}
}

// TestReadingsApart holds that time goes by between the two readings, and that an end of the context ends the wait.
func TestReadingsApart(t *testing.T) {
	bucket := storestest.OpenFolder(t)
	a := storestest.StoreIn(t, "a", bucket)
	sealed := sealedBytes(t)
	m := commitSealed(t, a, sealed)
	storestest.Replace(t, bucket, a.Catalog.DataKey(m.ID, "none", seal.Age), append([]byte("x"), sealed[1:]...))
	found, err := stores.Find(t.Context(), storestest.List(a), stores.Latest)
	if err != nil {
		t.Fatal(err)
	}
	v := verifierIn(t, seal.Identities{})
	v.Apart = 5 * time.Second
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		result, err := v.Stored(t.Context(), found)
		if took := time.Since(begun); err != nil || !result.Damaged() || took < v.Apart {
			t.Errorf("%+v, %v after %s", result, err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.Stored(ctx, found); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// TestNotProven holds that a snapshot which the members' majority does not confirm is not called damaged, nor noted as such.
func TestNotProven(t *testing.T) {
	v := Verification{Checks: []snapshot.Check{{Name: snapshot.CheckSHA256, OK: true}, {Name: snapshot.CheckHashKV, Detail: "it differs"}}}
	v.conclude()
	if v.OK || v.Damaged() {
		t.Errorf("OK %t, damaged %t", v.OK, v.Damaged())
	}
	a := storestest.StoreIn(t, "a", storestest.OpenFolder(t))
	m, content := storestest.Stored(1)
	a.Commit(t, m, content)
	found, err := stores.Find(t.Context(), storestest.List(a), stores.Latest)
	if err != nil {
		t.Fatal(err)
	}
	verifierIn(t, seal.Identities{}).note(t.Context(), found, v)
	if proofs := proofsOf(t, a, m.ID); len(proofs) != 1 || !proofs[0].Check.OK {
		t.Errorf("noted %+v", proofs)
	}
}
