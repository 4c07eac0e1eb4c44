package restore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/unpack"
	testfixture "github.com/etcdward/etcdward/test/fixture"
)

func TestMain(m *testing.M) {
	snapshot.ChildMain()
	scratch.ChildMain()
	unpack.ChildMain()
	killMain()
	goleak.VerifyTestMain(m)
}

// fixture writes the snapshot of a real Kubernetes cluster into dir, 708 its newest revision.
func fixture(t testing.TB, dir string) string {
	t.Helper()
	return testfixture.File(t, "testdata/kubernetes-1.34-etcd-3.6.db.zst", dir)
}

// draft is a plan in the making for one member on the snapshot file at path.
func draft(t testing.TB, path, dataDir string) plan.Draft {
	t.Helper()
	exam, err := snapshot.Examine(context.Background(), path, 0)
	if err != nil || !exam.OK() {
		t.Fatalf("%v %+v", err, exam)
	}
	f := exam.Facts
	return plan.Draft{Cluster: "prod", Members: []plan.Member{{Name: "m1", PeerURLs: []string{"http://127.0.0.1:1"}, DataDir: dataDir}},
		Source: plan.Source{File: path, SHA256: f.SHA256, SizeBytes: f.SizeBytes, Revision: f.Revision, TotalKeys: f.TotalKeys, StorageVersion: f.StorageVersion}}
}

func mustPlan(t testing.TB, d plan.Draft) plan.Plan {
	t.Helper()
	p, err := plan.New(d, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// site is one host with a data directory that was in use.
type site struct {
	dir, data, file string
	plan            plan.Plan
	before          string // digest of the directory
}

func newSite(t testing.TB) site {
	t.Helper()
	return newSiteOn(t, fixture(t, t.TempDir()))
}

// newSiteOn is newSite with a snapshot file that there is.
func newSiteOn(t testing.TB, file string) site {
	t.Helper()
	dir := t.TempDir()
	s := site{dir: dir, data: filepath.Join(dir, "etcd"), file: file}
	oldDirectory(t, s.data)
	s.plan = mustPlan(t, draft(t, s.file, s.data))
	s.before = digest(t, s.data)
	return s
}

// oldDirectory makes something that looks like a data directory, to be kept byte for byte.
func oldDirectory(t testing.TB, path string) {
	t.Helper()
	for name, text := range map[string]string{"member/snap/db": "old database", "member/wal/0.wal": "old log"} {
		file := filepath.Join(path, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// applier of the site's plan, on its file.
func (s site) applier() *Applier {
	return &Applier{Plan: s.plan, Member: "m1", Fetch: func(context.Context) (string, error) { return s.file, nil }}
}

// digest is over names, modes and contents of a tree; "" when there is none.
func digest(t testing.TB, root string) string {
	t.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		sum.Write([]byte(strings.TrimPrefix(path, root) + info.Mode().String()))
		if entry.IsDir() {
			return nil
		}
		if entry.Type() == fs.ModeSymlink {
			to, err := os.Readlink(path)
			sum.Write([]byte(to))
			return err
		}
		text, err := os.ReadFile(path)
		sum.Write(text)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// holds checks that the directory at path boots, and holds what the plan's snapshot does.
func (s site) holds(t testing.TB, path string) {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := place.CopyTree(context.Background(), path, copied, func(int64, int64) {}, 1); err != nil {
		t.Fatal(err)
	}
	want, err := snapshot.Forecast(context.Background(), s.file, s.plan.RevisionBump)
	if err != nil {
		t.Fatal(err)
	}
	got, err := scratch.Read(context.Background(), copied, "m1", want.Revision, scratch.Options{})
	if err != nil || got.Hash != want.Hash || got.Keys != want.Keys || got.Keys == 0 {
		t.Fatalf("%s: %v: got %+v, want %+v", path, err, got, want)
	}
}

// names in the site's folder.
func (s site) names(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
