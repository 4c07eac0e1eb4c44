package versioned

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/program"
)

// TestRestoreFromThePast plans on a bucket whose objects were deleted, as they were, and applies from it, with the right to read alone.
func TestRestoreFromThePast(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	root := newSite(t, c)
	taken := root.take(t, c, 1)[0]
	reader := root.as(t, "reader")
	root.allow(t, map[string][]string{"reader": {"s3-reader.json"}})
	at := nextSecond(t)
	nextSecond(t)
	for _, v := range root.Versions(t) {
		root.Delete(t, strings.Fields(v)[0])
	}
	plan, m := filepath.Join(t.TempDir(), "plan.yaml"), c.Members[0]
	args := []string{"restore", "plan", taken.ID, "--manifests", t.TempDir(), "--output", plan}
	if r := reader.Run(t, args...); r.Code != program.NotFound {
		t.Errorf("as it is: exit %d %s", r.Code, r.Err)
	}
	if r := reader.Run(t, append(args, "--at", at.Format(time.RFC3339))...); r.Code != 0 {
		t.Fatalf("as it was: exit %d %s", r.Code, r.Err)
	}
	m.Kill()
	if r := reader.Run(t, "restore", "apply", plan, "--member", m.Name, "--data-dir", m.DataDir, "--etcd-version", "3.6.16", "--yes"); r.Code != 0 {
		t.Fatalf("apply: exit %d %s", r.Code, r.Err)
	}
	m.Start()
}
