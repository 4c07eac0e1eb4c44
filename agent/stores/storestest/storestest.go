// Package storestest makes stores, snapshots and buckets for the tests of the rooms that work on them.
package storestest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/retention"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// Ids of etcd clusters: the one whose stores are tested, and a stranger.
const (
	OurCluster   = "c1"
	OtherCluster = "c2"
)

// Store is a store that a test can fill and inspect.
type Store struct{ stores.Store }

// Hour is the time of the snapshot with that number.
func Hour(n int) time.Time { return time.Date(2026, 11, 1, n, 0, 0, 0, time.UTC) }

// Stored returns the manifest of a snapshot whose data is never unsealed, and that data.
func Stored(n int, edit ...func(*snapshot.Manifest)) (snapshot.Manifest, []byte) {
	content := fmt.Appendf(nil, "the bytes of snapshot %d", n)
	id := snapshot.NewID(Hour(n), int64(n))
	m := snapshot.Manifest{
		Format: snapshot.Format, ID: id.String(), Cluster: snapshot.Cluster{Name: "test", ID: OurCluster}, TakenAt: id.TakenAt,
		Member: snapshot.Member{Name: "m1", ID: "1", Role: "follower", Version: "3.6.16"},
		Facts:  snapshot.Facts{SizeBytes: 4096, SHA256: strings.Repeat("ab", 32), Revision: id.Revision, CompactRevision: -1},
		Checks: []snapshot.Check{{Name: snapshot.CheckSHA256, OK: true}, {Name: snapshot.CheckPages, OK: true}},
		Object: snapshot.Stored{SizeBytes: int64(len(content)), SHA256: SumOf(content), Compression: "none", Encryption: "none"},
		Tool:   "test",
	}
	for _, e := range edit {
		e(&m)
	}
	return m, content
}

// SumOf is the SHA-256 of bytes, hex.
func SumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Unproven makes a snapshot one that failed a check.
func Unproven(m *snapshot.Manifest) { m.Checks[1].OK = false }

// OfAnother makes a snapshot one of another cluster.
func OfAnother(m *snapshot.Manifest) { m.Cluster.ID = OtherCluster }

// OpenFolder gives an empty folder as a bucket.
func OpenFolder(t *testing.T) storage.Bucket {
	t.Helper()
	bucket, err := directory.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

// List gives the stores as the rooms take them.
func List(all ...Store) []stores.Store {
	list := make([]stores.Store, len(all))
	for i, s := range all {
		list[i] = s.Store
	}
	return list
}

// StoreIn is a store in a bucket.
func StoreIn(t *testing.T, name string, bucket storage.Bucket) Store {
	t.Helper()
	cat, err := catalog.New(bucket, "test")
	if err != nil {
		t.Fatal(err)
	}
	return Store{stores.Store{Name: name, Catalog: cat, Retention: retention.Policy{KeepLast: 1}}}
}

// Commit stores a snapshot as another agent would.
func (s Store) Commit(t *testing.T, m snapshot.Manifest, content []byte) {
	t.Helper()
	err := s.Catalog.Claim(t.Context(), OurCluster, false)
	if err == nil {
		_, err = s.Catalog.Commit(t.Context(), m, bytes.NewReader(content))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Numbers returns the listed snapshots by their revisions. Each of them has to be whole.
func (s Store) Numbers(t *testing.T) []int64 {
	t.Helper()
	listing, err := s.Catalog.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(listing.MissingData) > 0 {
		t.Errorf("store %s lists manifests without data: %v", s.Name, listing.MissingData)
	}
	var numbers []int64
	for _, entry := range listing.Snapshots {
		m, err := s.Catalog.Manifest(t.Context(), entry)
		if err == nil {
			err = s.ReadBack(t, m)
		}
		if err != nil {
			t.Errorf("store %s: snapshot %s is listed: %v", s.Name, entry.ID, err)
		}
		numbers = append(numbers, entry.ID.Revision)
	}
	return numbers
}

// ReadBack reads the data of a snapshot whole.
func (s Store) ReadBack(t *testing.T, m snapshot.Manifest) error {
	t.Helper()
	r, err := s.Catalog.Open(t.Context(), m)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}

// Want checks that the store has exactly these snapshots and no orphans.
func (s Store) Want(t *testing.T, want ...int64) {
	t.Helper()
	if got := s.Numbers(t); !slices.Equal(got, want) {
		t.Errorf("store %s lists the snapshots %v, want %v", s.Name, got, want)
	}
	listing, err := s.Catalog.List(t.Context())
	if err != nil || len(listing.Orphans) > 0 {
		t.Errorf("store %s has orphans: %v, error %v", s.Name, listing.Orphans, err)
	}
}

// BucketThat is a bucket with hooks that can refuse calls.
type BucketThat struct {
	storage.Bucket
	refuses func(verb, key string) error

	mu sync.Mutex
	// Puts are the keys that were written, in order.
	Puts []string
}

// Put implements [storage.Bucket].
func (b *BucketThat) Put(ctx context.Context, up storage.Upload) (storage.Object, error) {
	if err := b.refuses("put", up.Key); err != nil {
		return storage.Object{}, fmt.Errorf("put %s: %w", up.Key, err)
	}
	b.mu.Lock()
	b.Puts = append(b.Puts, up.Key)
	b.mu.Unlock()
	return b.Bucket.Put(ctx, up)
}

// Delete implements [storage.Bucket].
func (b *BucketThat) Delete(ctx context.Context, obj storage.Object) error {
	if err := b.refuses("delete", obj.Key); err != nil {
		return fmt.Errorf("delete %s: %w", obj.Key, err)
	}
	return b.Bucket.Delete(ctx, obj)
}

// Refusing is a bucket that refuses a verb on keys which contain a text.
func Refusing(bucket storage.Bucket, verb, text string, with error) *BucketThat {
	return &BucketThat{Bucket: bucket, refuses: func(v, key string) error {
		if v == verb && strings.Contains(key, text) {
			return with
		}
		return nil
	}}
}

// Down is a bucket that cannot be reached.
func Down(bucket storage.Bucket) storage.Bucket {
	return storagetest.NewFaulty(bucket, 1, storagetest.Down)
}

// FillWith commits the snapshots with these numbers.
func (s Store) FillWith(t *testing.T, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		m, content := Stored(n)
		s.Commit(t, m, content)
	}
}

// Prove adds a proof to a snapshot.
func (s Store) Prove(t *testing.T, n int, ok bool) {
	t.Helper()
	p := catalog.Proof{ID: MustID(n), At: Hour(n + 1), Check: snapshot.Check{Name: snapshot.CheckReadBack, OK: ok}, Tool: "test"}
	if err := s.Catalog.AddProof(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

// MustID is the ID of the snapshot with that number.
func MustID(n int) string { return snapshot.NewID(Hour(n), int64(n)).String() }

// Replace overwrites the bytes of an object, which etcdward itself never does.
func Replace(t *testing.T, bucket storage.Bucket, key string, content []byte) {
	t.Helper()
	if err := bucket.Delete(t.Context(), storage.Object{Key: key}); err != nil {
		t.Fatal(err)
	}
	storagetest.Put(t, bucket, key, content)
}

// Remove removes an object behind the catalog's back.
func Remove(t *testing.T, bucket storage.Bucket, key string) {
	t.Helper()
	if err := bucket.Delete(t.Context(), storage.Object{Key: key}); err != nil {
		t.Fatal(err)
	}
}
