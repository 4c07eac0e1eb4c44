package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestMain(m *testing.M) {
	snapshot.ChildMain()
	goleak.VerifyTestMain(m)
}

const (
	home   = "v1/prod-eu1/"
	below  = home + "snapshots/"
	ourID  = "c9be114fc2da2776"
	newID  = "8e9e05c52164694d"
	second = "20261122T100000Z-"
)

func openBucket(t *testing.T) storage.Bucket {
	t.Helper()
	bucket, err := directory.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

func open(t *testing.T, bucket storage.Bucket) *Catalog {
	t.Helper()
	c, err := New(bucket, "prod-eu1")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// content is the sealed data of the snapshot with this ID.
func content(id string) []byte { return bytes.Repeat([]byte("data of "+id+"\n"), 20) }

// manifest is that of the snapshot with this ID.
func manifest(t *testing.T, id string) snapshot.Manifest {
	t.Helper()
	parsed, err := snapshot.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content(id))
	return snapshot.Manifest{
		Format: snapshot.Format, ID: id, TakenAt: parsed.TakenAt, Cluster: snapshot.Cluster{Name: "prod-eu1", ID: ourID},
		Facts:  snapshot.Facts{SizeBytes: 4096 + 32, SHA256: strings.Repeat("ab", 32), Revision: parsed.Revision, CompactRevision: -1},
		Checks: []snapshot.Check{{Name: snapshot.CheckSHA256, OK: true}, {Name: snapshot.CheckPages, OK: true}},
		Object: snapshot.Stored{SizeBytes: int64(len(content(id))), SHA256: hex.EncodeToString(sum[:]), Compression: seal.Zstd, Encryption: seal.None},
	}
}

func commit(t *testing.T, c *Catalog, id string) snapshot.Manifest {
	t.Helper()
	m, err := c.Commit(t.Context(), manifest(t, id), bytes.NewReader(content(id)))
	if err != nil {
		t.Fatalf("Commit %s: %v", id, err)
	}
	return m
}

func list(t *testing.T, c *Catalog) Listing {
	t.Helper()
	l, err := c.List(t.Context())
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	return l
}

func ids(entries []Entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.ID.String())
	}
	return all
}

func keys(objects []storage.Object) []string {
	var all []string
	for _, obj := range objects {
		all = append(all, obj.Key)
	}
	return all
}

// wantSound checks that every listed snapshot opens with the right bytes, and gives the IDs.
func wantSound(t *testing.T, c *Catalog) []string {
	t.Helper()
	l := list(t, c)
	for _, e := range l.Snapshots {
		m, err := c.Manifest(t.Context(), e)
		if err != nil {
			t.Errorf("%v is listed: %v", e.ID, err)
			continue
		}
		r, err := c.Open(t.Context(), m)
		if err != nil {
			t.Errorf("%v is listed: %v", e.ID, err)
			continue
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, content(m.ID)) {
			t.Errorf("%v is listed and opens with %d other bytes, error %v", e.ID, len(got), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(l.MissingData) > 0 {
		t.Errorf("without their data there are %v", ids(l.MissingData))
	}
	return ids(l.Snapshots)
}

func wantKeys(t *testing.T, bucket storage.Bucket, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := keys(storagetest.List(t, bucket, "")); !slices.Equal(got, want) {
		t.Errorf("the bucket holds %q, want %q", got, want)
	}
}

// encode is a manifest as it is stored, also one that is not valid.
func encode(t *testing.T, m snapshot.Manifest) []byte {
	t.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func at(hour int) time.Time { return time.Date(2026, 11, 22, hour, 0, 0, 0, time.UTC) }
