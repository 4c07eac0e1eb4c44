package away

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/bucket"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/port"
	"github.com/etcdward/etcdward/test/program"
)

// TestStoreAway has one of two stores be away, and be back.
func TestStoreAway(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	b := bucket.NewVersioned(t)
	s := program.On{Host: host.New(t, c, b.Stores(t))}
	second := t.TempDir()
	away := "http://" + port.Free(t, "127.0.0.1") // nobody listens there
	s.Rewrite(t, b.Server.Endpoint, away)
	s.Rewrite(t, "stores:\n", fmt.Sprintf("stores:\n  - name: second\n    directory: {path: %s}\n", second))

	begin := time.Now()
	r := s.Run(t, "-o", "json", "snapshot")
	took := time.Since(begin)
	t.Logf("a snapshot with a store away took %.1f s", took.Seconds())
	if r.Code != program.Findings || !strings.Contains(r.Err, "store primary") || strings.Contains(r.Err, "store second") {
		t.Errorf("exit %d: %s", r.Code, r.Err)
	}
	if took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	var listed []snapshot.Manifest
	s.MustJSON(t, &listed, "list", "--store", "second")
	if len(listed) != 1 {
		t.Fatalf("the other store has %d snapshots", len(listed))
	}
	s.Must(t, "verify", listed[0].ID, "--store", "second")

	s.Rewrite(t, away, b.Server.Endpoint)
	c.Members[0].Advance(t)
	next := s.Snapshot(t)
	s.MustJSON(t, &listed, "list", "--store", "primary")
	if ids := []string{listed[0].ID, next.ID}; len(listed) != 2 || !slices.Contains(ids, listed[1].ID) {
		t.Errorf("once it is back the store has %d snapshots", len(listed))
	}
}
