package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestRestoreLastResort has a data directory and nothing else: no store, no configuration, no member that answers. The plan is made of
// the database in it, which is called unproven, and the members that it has on record; the restored cluster holds what it held.
func TestRestoreLastResort(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 60)
	m := c.Members[0]
	s := site{dir: t.TempDir()}
	s.config, s.state = filepath.Join(s.dir, "none.yaml"), s.dir
	plan, nowhere := filepath.Join(s.dir, "plan.yaml"), filepath.Join(s.dir, "none")
	args := []string{"plan", "--data-dir-of", m.Name, "--data-dir", m.DataDir, "--manifests", nowhere, "--output", plan}
	if r := s.restore(t, "", args...); r.code != exitFailed || !strings.Contains(r.err, "an etcd runs on "+m.DataDir) || !strings.Contains(r.err, "etcdward snapshot") {
		t.Errorf("while it runs: exit %d %s", r.code, r.err)
	}
	m.Stop() // which commits what is pending
	if r := s.restore(t, "", "plan", "--data-dir-of", "other", "--data-dir", m.DataDir, "--manifests", nowhere, "--output", plan); r.code != exitUsage || !strings.Contains(r.err, `knows no member "other"`) {
		t.Errorf("another member: exit %d %s", r.code, r.err)
	}
	if r := s.restore(t, "", "plan", "--data-dir-of", m.Name, "--data-dir", s.dir, "--manifests", nowhere, "--output", plan); r.code != exitFailed || !strings.Contains(r.err, "give etcd's data directory") {
		t.Errorf("no data directory: exit %d %s", r.code, r.err)
	}
	r := s.restore(t, "", args...)
	if r.code != exitOK {
		t.Fatalf("exit %d %s", r.code, r.err)
	}
	for _, want := range []string{"Without a configuration", "is unproven: a bare database", "Members as the file has them on record"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("it lacks %q\n%s", want, r.err)
		}
	}
	names, p := planNames(t, plan)
	if want := fmt.Sprintf("%s=%s in %s;", m.Name, m.PeerURL, m.DataDir); names != want || p.Cluster != "restored" || !p.Snapshot.Bare || p.Snapshot.File != filepath.Join(s.dir, "plan.db") {
		t.Errorf("got %s %+v", names, p)
	}
	if r := s.restore(t, "", "apply", plan, "--member", m.Name, "--yes", "--etcd-version", "3.6.16"); r.code != exitOK {
		t.Fatalf("apply: exit %d %s", r.code, r.err)
	}
	want, err := snapshot.Forecast(t.Context(), p.Snapshot.File, p.RevisionBump)
	if err != nil {
		t.Fatal(err)
	}
	got, err := scratch.Read(context.Background(), m.DataDir, m.Name, want.Revision, scratch.Options{})
	if err != nil || got.Hash != want.Hash || got.Keys != want.Keys || got.Keys < 50 {
		t.Errorf("%v: got %+v, want %+v", err, got, want)
	}
}

// TestVerifyBareDatabase calls a database without a trailer unproven, and one whose pages do not hold damaged.
func TestVerifyBareDatabase(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 10)
	m := c.Members[0]
	m.Stop()
	s := newSite(t, c)
	db, err := os.ReadFile(filepath.Join(m.DataDir, "member", "snap", "db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		name, says, not string
		spoil           func([]byte) []byte
	}{
		{"whole", "UNPROVEN", "DAMAGED", func(b []byte) []byte { return b }},
		{"cut", "DAMAGED", "UNPROVEN", func(b []byte) []byte { return b[:len(b)/8192*4096] }},
		{"overwritten", "DAMAGED", "UNPROVEN", func(b []byte) []byte { copy(b, make([]byte, 3*4096)); return b }},
	} {
		file := filepath.Join(s.dir, v.name+".db")
		if err := os.WriteFile(file, v.spoil(append([]byte(nil), db...)), 0o600); err != nil {
			t.Fatal(err)
		}
		r := s.etcdward(t, "verify", "--file", file)
		if r.code != exitFindings || !strings.Contains(r.out, v.says) || strings.Contains(r.out, v.not) {
			t.Errorf("%s: exit %d\n%s%s", v.name, r.code, r.out, r.err)
		}
	}
}

// TestRestoreBringsAlong holds that plan and apply name what a snapshot brings along: authentication, a downgrade under way, learners.
func TestRestoreBringsAlong(t *testing.T) {
	t.Parallel()
	for _, along := range []struct {
		name    string
		members int
		make    func(t *testing.T, c *cluster.Cluster) (etcdctl []string)
		says    string
		stored  string
	}{
		{"authentication", 1, func(t *testing.T, c *cluster.Cluster) []string {
			c.Etcdctl(t, "user", "add", "root:secret")
			c.Etcdctl(t, "user", "grant-role", "root", "root")
			c.Etcdctl(t, "auth", "enable")
			return []string{"--user", "root:secret"}
		}, "authentication on", ""},
		{"a downgrade", 1, func(t *testing.T, c *cluster.Cluster) []string {
			c.Etcdctl(t, "downgrade", "enable", "3.5")
			return nil
		}, "a downgrade to etcd 3.5.0 in progress", "a downgrade to 3.5.0"},
		{"a learner", 3, func(t *testing.T, c *cluster.Cluster) []string {
			c.AddLearner(t)
			return nil
		}, "had the learner", "no learner"},
	} {
		t.Run(along.name, func(t *testing.T) {
			c := cluster.Start(t, cluster.Options{Members: along.members, Args: []string{cluster.NoFsync}})
			c.FillKubernetes(t, 10)
			user := along.make(t, c)
			s := newSite(t, c)
			file, plan := filepath.Join(s.dir, "s.db"), filepath.Join(s.dir, "plan.yaml")
			c.Members[0].Etcdctl(t, append(user, "snapshot", "save", file)...)
			members := []string{"--member", "a=http://127.0.0.1:1", "--manifests", s.dir}
			r := s.restore(t, "", append([]string{"plan", "--file", file, "--output", plan}, members...)...)
			if r.code != exitOK || !strings.Contains(r.err, "WARNING: ") || !strings.Contains(r.err, along.says) {
				t.Fatalf("plan: exit %d %s", r.code, r.err)
			}
			r = s.restore(t, "", "apply", plan, "--member", "a", "--data-dir", filepath.Join(s.dir, "etcd"), "--yes", "--etcd-version", "3.6.16")
			if r.code != exitOK || !strings.Contains(r.err, along.says) || !strings.Contains(r.out, along.says) {
				t.Errorf("apply: exit %d\n%s%s", r.code, r.out, r.err)
			}
			if along.stored == "" {
				return // etcdward itself has no user there
			}
			s.snapshot(t)
			r = s.restore(t, "", append([]string{"plan", "--output", plan + "-stored"}, members...)...)
			if r.code != exitOK || !strings.Contains(r.err, "brings along: ") || !strings.Contains(r.err, along.stored) {
				t.Errorf("plan of a stored one: exit %d %s", r.code, r.err)
			}
		})
	}
}

// TestRestoreSilentMember has one member of three that was started again, and without a quorum says nothing: plan names the way on, and
// that leads to a plan with all members.
func TestRestoreSilentMember(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	s := newSite(t, c)
	s.snapshot(t)
	for _, m := range c.Members {
		m.Stop()
	}
	last := c.Members[0]
	last.Start()
	plan, nowhere := filepath.Join(s.dir, "plan.yaml"), filepath.Join(s.dir, "none")
	if r := s.restore(t, "", "plan", "--manifests", nowhere, "--output", plan); r.code != exitFailed || !strings.Contains(r.err, "Try: name every member") || !strings.Contains(r.err, "--data-dir-of MEMBER") {
		t.Errorf("exit %d %s", r.code, r.err)
	}
	last.Stop()
	r := s.restore(t, "", "plan", "--data-dir-of", last.Name, "--data-dir", last.DataDir, "--manifests", nowhere, "--output", plan)
	if r.code != exitOK || strings.Contains(r.err, "Without a configuration") {
		t.Fatalf("exit %d %s", r.code, r.err)
	}
	var all string
	for _, m := range c.Members {
		all += fmt.Sprintf("%s=%s in %s;", m.Name, m.PeerURL, last.DataDir)
	}
	if names, p := planNames(t, plan); names != all || p.Cluster != "test" {
		t.Errorf("got %s, %s", names, p.Cluster)
	}
}
