package extract

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/etcdward/etcdward/agent/snapshot"
	testfixture "github.com/etcdward/etcdward/test/fixture"
)

func TestMain(m *testing.M) {
	snapshot.ChildMain()
	if folder := os.Getenv(fullVariable); folder != "" {
		if err := fillUp(folder, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// fixture is the snapshot of a Kubernetes cluster, unpacked.
var fixture = sync.OnceValue(func() []byte { return testfixture.Must("../snapshot/testdata/kubernetes-1.34-etcd-3.6.db.zst") })

// fixtureFile writes the fixture for a test, which gets its path.
func fixtureFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot.db")
	if err := os.WriteFile(path, fixture(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pair is a key and its value.
type pair struct{ key, value string }

// handmade makes a snapshot file, as etcd would, of these keys, each written at a revision of its own from 2 on. The value
// "deleted" deletes the key.
func handmade(t testing.TB, pairs ...pair) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "handmade.db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true, PageSize: 4096})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{"alarm", "auth", "authRoles", "authUsers", "cluster", "key", "lease", "members", "members_removed", "meta"} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		err := errors.Join(tx.Bucket([]byte("meta")).Put([]byte("consistent_index"), binary.BigEndian.AppendUint64(nil, 7)),
			tx.Bucket([]byte("meta")).Put([]byte("storageVersion"), []byte("3.6.0")),
			tx.Bucket([]byte("cluster")).Put([]byte("clusterVersion"), []byte("3.6.0")))
		for i, p := range pairs {
			err = errors.Join(err, putPair(tx.Bucket([]byte("key")), uint64(i+2), p))
		}
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	if err := os.WriteFile(path, append(body, sum[:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	if exam, err := snapshot.Examine(t.Context(), path, 0); err != nil || !exam.OK() {
		t.Fatalf("the handmade snapshot is not sound: %v %+v", err, exam.Checks)
	}
	return path
}

func putPair(bucket *bolt.Bucket, revision uint64, p pair) error {
	key := binary.BigEndian.AppendUint64(append(binary.BigEndian.AppendUint64(nil, revision), '_'), 0)
	kv := &mvccpb.KeyValue{Key: []byte(p.key), Value: []byte(p.value), CreateRevision: int64(revision), ModRevision: int64(revision), Version: 1}
	if p.value == "deleted" {
		key, kv = append(key, 't'), &mvccpb.KeyValue{Key: []byte(p.key)}
	}
	text, err := proto.Marshal(kv)
	if err != nil {
		return err
	}
	return bucket.Put(key, text)
}

// extracted is what an extraction that succeeded left: the index by key, and the folder.
type extracted struct {
	Outcome
	folder string
	index  map[string]indexed
}

// run extracts, which has to succeed.
func run(t *testing.T, e Extractor, path string) extracted {
	t.Helper()
	x := extracted{folder: filepath.Join(t.TempDir(), "out"), index: map[string]indexed{}}
	var err error
	if x.Outcome, err = e.Run(t.Context(), path, x.folder); err != nil {
		t.Fatalf("Run: %v", err)
	}
	file, err := os.Open(filepath.Join(x.folder, IndexName))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line indexed
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		key := line.Key
		if line.KeyBase64 != "" {
			var raw []byte
			if err := json.Unmarshal([]byte(`"`+line.KeyBase64+`"`), &raw); err != nil {
				t.Fatal(err)
			}
			key = string(raw)
		}
		if _, twice := x.index[key]; twice {
			t.Errorf("%q stands twice in the index", key)
		}
		x.index[key] = line
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return x
}

// read gives the file of a key.
func (x extracted) read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(x.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
