package snapshot

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/etcd/pkg/v3/traceutil"
	"go.etcd.io/etcd/server/v3/lease"
	"go.etcd.io/etcd/server/v3/storage/backend"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"go.uber.org/zap"
)

// TestHashKVOfHistories gives etcd's own store random histories, with compactions that are done, under way or only noted,
// and compares its hash with ours.
func TestHashKVOfHistories(t *testing.T) {
	t.Parallel()
	chance := seeded(t)
	underWay := 0
	for range 40 {
		h := openHistory(t, filepath.Join(t.TempDir(), "db"))
		for range 1 + chance.IntN(3) {
			h.live(t, chance, chance.IntN(60))
			if chance.IntN(3) == 0 {
				h.wipe(t) // with no key left a member hashes what a compaction would remove
			}
			if chance.IntN(4) > 0 {
				underWay += h.compact(t, chance)
			}
			h.check(t)
		}
		if chance.IntN(2) == 0 {
			h.bump(t)
			h.check(t)
			h.live(t, chance, chance.IntN(20))
			h.check(t)
		}
		h.close(t)
	}
	if underWay == 0 {
		t.Error("no snapshot was taken during a compaction: this test has not tested that")
	}
}

// history is a store and what lies below it.
type history struct {
	path    string
	backend backend.Backend
	store   mvcc.KV
}

func openHistory(t *testing.T, path string) *history {
	t.Helper()
	b := backend.NewDefaultBackend(zap.NewNop(), path)
	tx := b.BatchTx()
	tx.LockOutsideApply()
	for _, bucket := range []backend.Bucket{schema.Meta, schema.Lease, schema.Members, schema.Cluster} {
		tx.UnsafeCreateBucket(bucket)
	}
	schema.UnsafeUpdateConsistentIndex(tx, 7, 1)
	tx.Unlock()
	// Compactions in small steps with pauses, so that snapshots come in between.
	cfg := mvcc.StoreConfig{CompactionBatchLimit: 3, CompactionSleepInterval: time.Millisecond}
	return &history{path, b, mvcc.NewStore(zap.NewNop(), b, &lease.FakeLessor{}, cfg)}
}

func (h *history) close(t *testing.T) {
	t.Helper()
	if err := h.store.Close(); err != nil {
		t.Error(err)
	}
	if err := h.backend.Close(); err != nil {
		t.Error(err)
	}
}

// live makes changes: puts, deletions of one key and of several, transactions of both.
func (h *history) live(t *testing.T, chance *rand.Rand, changes int) {
	t.Helper()
	key := func(i int) []byte { return fmt.Appendf(nil, "key-%02d", i) }
	for range changes {
		tx := h.store.Write(traceutil.TODO())
		first := chance.IntN(12)
		for i := range 1 + chance.IntN(3) {
			switch at := first + 4*i; chance.IntN(3) {
			case 0:
				tx.DeleteRange(key(at), key(at+1+chance.IntN(3)))
			default:
				tx.Put(key(at), fmt.Appendf(nil, "value %d", chance.Uint32()), lease.NoLease)
			}
		}
		tx.End()
	}
}

// wipe deletes every key.
func (h *history) wipe(t *testing.T) {
	t.Helper()
	tx := h.store.Write(traceutil.TODO())
	tx.DeleteRange([]byte("key-"), []byte("key."))
	tx.End()
}

// compact compacts to a random revision, perhaps the newest, and returns 1 if it did not wait for the end.
func (h *history) compact(t *testing.T, chance *rand.Rand) int {
	t.Helper()
	now := h.hash(t)
	span := now.Revision - max(now.CompactRevision, 0)
	if span < 1 {
		return 0
	}
	done, err := h.store.Compact(traceutil.TODO(), now.Revision-chance.Int64N(min(span, 3)))
	if err != nil {
		t.Fatal(err)
	}
	if chance.IntN(2) == 0 {
		return 1
	}
	<-done
	return 0
}

// bump does what `etcdutl snapshot restore --bump-revision --mark-compacted` does.
func (h *history) bump(t *testing.T) {
	t.Helper()
	latest := h.hash(t).Revision + 1000
	h.close(t)
	b := backend.NewDefaultBackend(zap.NewNop(), h.path)
	tx := b.BatchTx()
	tx.LockOutsideApply()
	tx.UnsafePut(schema.Key, revisionKey(latest, 0, ""), []byte{})
	mvcc.UnsafeSetScheduledCompact(tx, latest)
	tx.Unlock()
	b.ForceCommit()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	*h = *openHistory(t, h.path)
}

func (h *history) hash(t *testing.T) mvcc.KeyValueHash {
	t.Helper()
	hash, _, err := h.store.HashStorage().HashByRev(0)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// check takes a snapshot and compares its hash with that of the store.
func (h *history) check(t *testing.T) {
	t.Helper()
	want, body := h.snapshot(t)
	// Where no key lives, the hash is over whatever a compaction under way has not removed yet.
	for after := h.hash(t); after != want; after = h.hash(t) {
		want, body = h.snapshot(t)
	}
	path := filepath.Join(t.TempDir(), "snapshot.db")
	if err := os.WriteFile(path, withTrailer(body), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := inspect(path, 6, asItIs)
	got := found.Facts
	if err != nil || got.HashKV.Hash != want.Hash || got.HashKV.Revision != want.Revision || got.HashKV.CompactRevision != want.CompactRevision {
		t.Errorf("inspect: got %+v, error %v, the store says %+v", got.HashKV, err, want)
	}
}

// snapshot gives the store's hash, and right after it the body of a snapshot.
func (h *history) snapshot(t *testing.T) (mvcc.KeyValueHash, []byte) {
	t.Helper()
	hash := h.hash(t)
	h.store.Commit()
	snap := h.backend.Snapshot()
	var body bytes.Buffer
	if _, err := snap.WriteTo(&body); err != nil {
		t.Fatal(err)
	}
	if err := snap.Close(); err != nil {
		t.Fatal(err)
	}
	return hash, body.Bytes()
}
