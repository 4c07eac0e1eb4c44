package agent

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
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/storage/storagetest"
)

const (
	ourCluster   = "c1"
	otherCluster = "c2"
)

// hour is the time of the snapshot with that number.
func hour(n int) time.Time { return time.Date(2026, 11, 1, n, 0, 0, 0, time.UTC) }

// stored is the manifest of a snapshot whose data nobody will unseal, and that data.
func stored(n int, edit ...func(*snapshot.Manifest)) (snapshot.Manifest, []byte) {
	content := fmt.Appendf(nil, "the bytes of snapshot %d", n)
	id := snapshot.NewID(hour(n), int64(n))
	m := snapshot.Manifest{
		Format: snapshot.Format, ID: id.String(), Cluster: snapshot.Cluster{Name: "test", ID: ourCluster}, TakenAt: id.TakenAt,
		Member: snapshot.Member{Name: "m1", ID: "1", Role: "follower", Version: "3.6.16"},
		Facts:  snapshot.Facts{SizeBytes: 4096, SHA256: strings.Repeat("ab", 32), Revision: id.Revision, CompactRevision: -1},
		Checks: []snapshot.Check{{Name: snapshot.CheckSHA256, OK: true}, {Name: snapshot.CheckPages, OK: true}},
		Object: snapshot.Stored{SizeBytes: int64(len(content)), SHA256: sumOf(content), Compression: "none", Encryption: "none"},
		Tool:   "test",
	}
	for _, e := range edit {
		e(&m)
	}
	return m, content
}

// sumOf is the SHA-256 of bytes, hex.
func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func unproven(m *snapshot.Manifest)  { m.Checks[1].OK = false }
func ofAnother(m *snapshot.Manifest) { m.Cluster.ID = otherCluster }

// openFolder gives an empty folder as a bucket.
func openFolder(t *testing.T) storage.Bucket {
	t.Helper()
	bucket, err := directory.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

func storeIn(t *testing.T, name string, bucket storage.Bucket) Store {
	t.Helper()
	cat, err := catalog.New(bucket, "test")
	if err != nil {
		t.Fatal(err)
	}
	return Store{Name: name, Catalog: cat, Retention: retention.Policy{KeepLast: 1}}
}

// commit stores a snapshot as another agent would.
func (s Store) commit(t *testing.T, m snapshot.Manifest, content []byte) {
	t.Helper()
	err := s.Catalog.Claim(t.Context(), ourCluster, false)
	if err == nil {
		_, err = s.Catalog.Commit(t.Context(), m, bytes.NewReader(content))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// numbers gives the snapshots that are listed, by their revisions, each of which has to be whole.
func (s Store) numbers(t *testing.T) []int64 {
	t.Helper()
	listing, err := s.Catalog.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(listing.Bereft) > 0 {
		t.Errorf("store %s lists manifests without data: %v", s.Name, listing.Bereft)
	}
	var numbers []int64
	for _, entry := range listing.Snapshots {
		m, err := s.Catalog.Manifest(t.Context(), entry)
		if err == nil {
			err = s.readBack(t, m)
		}
		if err != nil {
			t.Errorf("store %s: snapshot %s is listed: %v", s.Name, entry.ID, err)
		}
		numbers = append(numbers, entry.ID.Revision)
	}
	return numbers
}

func (s Store) readBack(t *testing.T, m snapshot.Manifest) error {
	t.Helper()
	r, err := s.Catalog.Open(t.Context(), m)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}

// want holds the store to some snapshots, and no orphans.
func (s Store) want(t *testing.T, want ...int64) {
	t.Helper()
	if got := s.numbers(t); !slices.Equal(got, want) {
		t.Errorf("store %s lists the snapshots %v, want %v", s.Name, got, want)
	}
	listing, err := s.Catalog.List(t.Context())
	if err != nil || len(listing.Orphans) > 0 {
		t.Errorf("store %s has orphans: %v, error %v", s.Name, listing.Orphans, err)
	}
}

// bucketThat is a bucket with a will of its own.
type bucketThat struct {
	storage.Bucket
	refuses func(verb, key string) error

	mu   sync.Mutex
	puts []string
}

func (b *bucketThat) Put(ctx context.Context, up storage.Upload) (storage.Object, error) {
	if err := b.refuses("put", up.Key); err != nil {
		return storage.Object{}, fmt.Errorf("put %s: %w", up.Key, err)
	}
	b.mu.Lock()
	b.puts = append(b.puts, up.Key)
	b.mu.Unlock()
	return b.Bucket.Put(ctx, up)
}

func (b *bucketThat) Delete(ctx context.Context, obj storage.Object) error {
	if err := b.refuses("delete", obj.Key); err != nil {
		return fmt.Errorf("delete %s: %w", obj.Key, err)
	}
	return b.Bucket.Delete(ctx, obj)
}

// refusing is a bucket that refuses a verb on keys which contain a text.
func refusing(bucket storage.Bucket, verb, text string, with error) *bucketThat {
	return &bucketThat{Bucket: bucket, refuses: func(v, key string) error {
		if v == verb && strings.Contains(key, text) {
			return with
		}
		return nil
	}}
}

// down is a bucket that nobody can reach.
func down(bucket storage.Bucket) storage.Bucket {
	return storagetest.NewFaulty(bucket, 1, storagetest.Down)
}
