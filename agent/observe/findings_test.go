package observe

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores/storestest"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// TestFindings holds that status names a store that overwrites, whichever host found that out, and what was set aside on this host.
func TestFindings(t *testing.T) {
	folder := storestest.OpenFolder(t)
	a := storestest.StoreIn(t, "a", folder)
	a.FillWith(t, 1)
	place := t.TempDir()
	area, err := staging.Open(place)
	if err != nil {
		t.Fatal(err)
	}
	o := Observer{ClusterName: "test", Cluster: func() (*etcd.Cluster, error) { return nil, errors.New("not asked") }, Stores: []Store{{Store: a.Store}},
		StatePath: filepath.Join(place, "none"), SpoolPath: place}
	reasons := func() string { return strings.Join(o.Status(t.Context(), time.Now()).Reasons, "\n") }
	for _, words := range []string{"overwrites", "set aside"} {
		if got := reasons(); strings.Contains(got, words) {
			t.Errorf("%s: %s", words, got)
		}
	}
	other := storestest.StoreIn(t, "a", &storagetest.Overwriting{Bucket: folder})
	if overwrites, err := other.Catalog.TryCreateOnly(t.Context()); err != nil || !overwrites {
		t.Fatalf("overwrites: %t, %v", overwrites, err)
	}
	m, _ := storestest.Stored(2)
	if err := os.WriteFile(filepath.Join(place, m.ID+".json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := spool.Open(area, 1<<20).SetAside(m.ID, errors.New("its record\nis cut")); err != nil {
		t.Fatal(err)
	}
	got := reasons()
	for _, words := range []string{"store a: it overwrites objects that exist", "snapshot " + m.ID + " was set aside on this host, no store can take it: its record\\nis cut"} {
		if !strings.Contains(got, words) {
			t.Errorf("status lacks %q:\n%s", words, got)
		}
	}
}
