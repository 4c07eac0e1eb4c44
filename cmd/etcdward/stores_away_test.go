package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/port"
)

// TestStoreAway has one of two stores be away, and be back.
func TestStoreAway(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	s := newS3Site(t, c)
	second := t.TempDir()
	away := closedPort(t)
	s.edit(t, s.server.Endpoint, away)
	s.edit(t, "stores:\n", fmt.Sprintf("stores:\n  - name: second\n    directory: {path: %s}\n", second))

	begin := time.Now()
	r := s.etcdward(t, "-o", "json", "snapshot")
	took := time.Since(begin)
	t.Logf("a snapshot with a store away took %.1f s", took.Seconds())
	if r.code != exitFindings || !strings.Contains(r.err, "store primary") || strings.Contains(r.err, "store second") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	if took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	var listed []snapshot.Manifest
	s.mustJSON(t, &listed, "list", "--store", "second")
	if len(listed) != 1 {
		t.Fatalf("the other store has %d snapshots", len(listed))
	}
	s.must(t, "verify", listed[0].ID, "--store", "second")

	s.edit(t, away, s.server.Endpoint)
	advance(t, c, c.Members[0])
	next := s.snapshot(t)
	s.mustJSON(t, &listed, "list", "--store", "primary")
	if ids := []string{listed[0].ID, next.ID}; len(listed) != 2 || !slices.Contains(ids, listed[1].ID) {
		t.Errorf("once it is back the store has %d snapshots", len(listed))
	}
}

// closedPort is a URL on which nobody listens.
func closedPort(t *testing.T) string { return "http://" + port.Free(t, "127.0.0.1") }
