package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	restoreplan "github.com/etcdward/etcdward/agent/restore/plan"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestRestoreWholeCluster is the worst night from the command line: three members under load lose their directories; one plan, three
// applies.
func TestRestoreWholeCluster(t *testing.T) {
	t.Parallel()
	for _, version := range cluster.Versions {
		t.Run(version, func(t *testing.T) {
			c := cluster.Start(t, cluster.Options{Version: version, Args: []string{cluster.NoFsync}})
			c.FillKubernetes(t, 60)
			load := c.Load(t, 50)
			s := newSite(t, c)
			taken := s.snapshot(t)
			plan, file, dirs := filepath.Join(s.dir, "plan.yaml"), filepath.Join(s.dir, "s.db"), filepath.Dir(c.Members[0].DataDir)
			s.must(t, "restore", "plan", "--manifests", s.dir, "--output", plan, "--data-dir", filepath.Join(dirs, "m"))
			s.must(t, "fetch", taken.ID, "--output", file)
			load.Stop()
			highest := int64(0)
			for _, m := range c.Members {
				st, err := m.Client(t).Status(t.Context(), m.ClientURL)
				if err != nil {
					t.Fatal(err)
				}
				highest = max(highest, st.Header.Revision)
			}
			for _, m := range c.Members {
				m.Kill()
				if err := os.RemoveAll(m.DataDir); err != nil {
					t.Fatal(err)
				}
			}
			for _, m := range c.Members {
				out := s.must(t, "restore", "apply", plan, "--member", m.Name, "--data-dir", m.DataDir, "--etcd-version", version+".0", "--yes")
				if !strings.Contains(out, "Member "+m.Name+" is restored") {
					t.Fatalf("%s", out)
				}
			}
			for _, m := range c.Members {
				m.Start()
			}
			p, err := restoreplan.Load(plan)
			if err != nil {
				t.Fatal(err)
			}
			want, err := snapshot.Forecast(t.Context(), file, p.RevisionBump)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range c.Members {
				got, err := m.Client(t).HashKV(t.Context(), m.ClientURL, want.Revision)
				if err != nil || got.Hash != want.Hash || got.Header.Revision <= highest {
					t.Errorf("%s: %v %+v, want %+v above revision %d", m.Name, err, got, want, highest)
				}
			}
			if r := s.etcdward(t, "snapshot"); r.code == 0 || !strings.Contains(r.err, "--accept-new-cluster") {
				t.Errorf("a snapshot of another cluster: exit %d %s", r.code, r.err)
			}
			s.must(t, "snapshot", "--accept-new-cluster")
		})
	}
}

// TestRestoreFromAnotherStore takes the snapshot from the second store where the first has it damaged.
func TestRestoreFromAnotherStore(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	second := t.TempDir()
	s := newSite(t, c)
	s.edit(t, "stores:\n", "stores:\n  - name: second\n    directory: {path: "+second+"}\n")
	taken := s.snapshot(t)
	plan, m := filepath.Join(s.dir, "plan.yaml"), c.Members[0]
	s.must(t, "restore", "plan", taken.ID, "--manifests", s.dir, "--output", plan)
	path := filepath.Join(second, "v1", "test", "snapshots", taken.ID+".db.zst")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 4
	if err := errors.Join(os.Remove(path), os.WriteFile(path, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	m.Kill()
	apply := []string{"apply", plan, "--member", m.Name, "--data-dir", m.DataDir, "--etcd-version", "3.6.16", "--yes"}
	if r := s.restore(t, "", slices.Concat(apply, []string{"--dry-run"})...); r.code != 0 || !strings.Contains(r.err, "Store second did not give it") {
		t.Fatalf("dry run: exit %d %s", r.code, r.err)
	}
	if left, err := filepath.Glob(filepath.Join(s.state, "restore", "*")); err != nil || len(left) > 0 {
		t.Errorf("a dry run left the plain snapshot: %v %v", left, err)
	}
	first := filepath.Join(s.store, "v1", "test", "snapshots", taken.ID+".db.zst")
	if err := os.Rename(first, first+"-away"); err != nil {
		t.Fatal(err)
	}
	if r := s.restore(t, "", apply...); r.code != exitFailed || !strings.Contains(r.err, "damaged") {
		t.Fatalf("neither has it: exit %d %s", r.code, r.err)
	}
	if err := os.Rename(first+"-away", first); err != nil {
		t.Fatal(err)
	}
	if r := s.restore(t, "", apply...); r.code != 0 {
		t.Fatalf("apply: exit %d %s", r.code, r.err)
	}
	m.Start()
}
