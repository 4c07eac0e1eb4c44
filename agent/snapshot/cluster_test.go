package snapshot

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/etcdward/etcdward/test/cluster"
)

// TestAgainstEtcd compares with what the tools of each version say of the same file, and its server of the same revision.
func TestAgainstEtcd(t *testing.T) {
	for _, version := range cluster.Versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := cluster.Start(t, cluster.Options{Version: version, Members: 1, Plain: true, Args: []string{cluster.NoFsync}})
			compare(t, c, "fresh")
			live(t, c, 0)
			compare(t, c, "keys, transactions and leases")
			compact(t, c, "/registry/pods/30")
			compare(t, c, "compacted to a deletion")
			c.AwaitStorageVersion(t)
			live(t, c, 40)
			path := compare(t, c, "compacted, and written to again")

			c = cluster.Restore(t, version, path, "--bump-revision=1000000", "--mark-compacted")
			compare(t, c, "restored with a bump")
			live(t, c, 80)
			compare(t, c, "restored with a bump, and written to again")
			compact(t, c, "/registry/pods/31")
			compare(t, c, "restored with a bump, and compacted")
		})
	}
}

// live writes what a cluster's users write.
func live(t *testing.T, c *cluster.Cluster, from int) {
	t.Helper()
	cli := c.Client(t)
	lease, err := cli.Grant(t.Context(), 3600)
	if err != nil {
		t.Fatal(err)
	}
	key := func(i int) string { return fmt.Sprintf("/registry/pods/%d", from+i) }
	for i := range 30 {
		var options []clientv3.OpOption
		if i%3 == 0 {
			options = append(options, clientv3.WithLease(lease.ID))
		}
		if _, err := cli.Put(t.Context(), key(i%20), fmt.Sprint("value ", i), options...); err != nil {
			t.Fatal(err)
		}
	}
	txn := cli.Txn(t.Context()).Then(clientv3.OpPut(key(30), "a"), clientv3.OpPut(key(31), "b"), clientv3.OpDelete(key(3)),
		clientv3.OpDelete(key(4), clientv3.WithRange(key(7))))
	if _, err := txn.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := cli.Delete(t.Context(), key(8)); err != nil {
		t.Fatal(err)
	}
}

// compact deletes a key and compacts to just that revision.
func compact(t *testing.T, c *cluster.Cluster, key string) {
	t.Helper()
	cli := c.Client(t)
	gone, err := cli.Delete(t.Context(), key)
	if err != nil || gone.Deleted != 1 {
		t.Fatalf("delete: %+v, error %v", gone, err)
	}
	if _, err := cli.Compact(t.Context(), gone.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
}

// compare takes a snapshot, and returns its path.
func compare(t *testing.T, c *cluster.Cluster, what string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot.db")
	c.Members[0].Etcdctl(t, "snapshot", "save", path)
	var status struct {
		Hash               uint32
		Revision, TotalKey int64
		TotalSize          int64
		Version            string
	}
	decode(t, c.Etcdutl(t, "snapshot", "status", path, "-w", "json"), &status)
	var minor int
	if _, err := fmt.Sscanf(c.Version, "3.%d", &minor); err != nil {
		t.Fatal(err)
	}
	e := examine(t, path, minor)
	got := e.Facts
	if !e.OK() || got.StatusHash != fmt.Sprintf("%08x", status.Hash) || got.Revision != status.Revision ||
		got.TotalKeys != status.TotalKey || got.StorageVersion != status.Version || got.SizeBytes != status.TotalSize+trailerSize {
		t.Errorf("%s: got %+v, etcdutl says %+v", what, e, status)
	}
	var live []struct {
		HashKV struct {
			Hash    uint32
			Compact int64 `json:"compact_revision"`
			Header  struct{ Revision int64 }
		}
	}
	// Not at a revision by its number: for one that it compacted to, a member may answer with the hash that it kept from
	// that compaction, which is of the compact revision before.
	decode(t, c.Members[0].Etcdctl(t, "endpoint", "hashkv", "-w", "json"), &live)
	if want := (HashKV{live[0].HashKV.Hash, live[0].HashKV.Header.Revision, live[0].HashKV.Compact}); got.HashKV != want {
		t.Errorf("%s: got %+v, the member says %+v", what, got.HashKV, want)
	}
	return path
}

func decode(t *testing.T, text string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), to); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}
