package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	restoreplan "github.com/etcdward/etcdward/agent/restore/plan"

	"filippo.io/age"

	"github.com/etcdward/etcdward/test/cluster"
)

// restore calls the command line in this process, with input.
func (s site) restore(t *testing.T, input string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	all := append([]string{"--config", s.config, "--state-dir", s.state, "restore"}, args...)
	code := run(context.Background(), all, stdio{strings.NewReader(input), &out, &errs})
	return result{code, out.String(), errs.String()}
}

// TestRestoreOnNewHost is the newcomer's path: the cluster is gone, and there is a host with the program, a configuration that names
// the store, and an age identity.
func TestRestoreOnNewHost(t *testing.T) {
	t.Parallel()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 40)
	first := newSite(t, c, fmt.Sprintf("snapshot: {recipients: [%s]}", key.Recipient()))
	taken := first.snapshot(t)
	m := c.Members[0]
	m.Kill()
	if err := os.RemoveAll(m.DataDir); err != nil {
		t.Fatal(err)
	}

	s := newSite(t, c, fmt.Sprintf("stores: [{name: primary, directory: {path: %s}}]", first.store))
	identity, plan := filepath.Join(s.dir, "identity"), filepath.Join(s.dir, "plan.yaml")
	if err := os.WriteFile(identity, []byte(key.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(s.dir, "no-manifests")
	if r := s.restore(t, "", "plan", "--manifests", nowhere, "--output", plan); r.code != exitFailed || !strings.Contains(r.err, "Try: name every member") {
		t.Errorf("nobody answers: exit %d %s", r.code, r.err)
	}
	args := []string{"plan", "latest", "--manifests", nowhere, "--member", m.Name + "=" + m.PeerURL, "--data-dir", m.DataDir, "--output", plan}
	r := s.restore(t, "", args...)
	if r.code != 0 {
		t.Fatalf("plan: exit %d %s", r.code, r.err)
	}
	p, err := restoreplan.Load(plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{taken.ID, p.SHA256, "--member " + m.Name, "EncryptionConfiguration", "kubelet", "rke2", "k3s", "restore rollback"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the plan's text lacks %q:\n%s", want, r.out)
		}
	}
	if r := s.restore(t, "", args...); r.code != exitFailed || !strings.Contains(r.err, "exists") {
		t.Errorf("a second plan: exit %d %s", r.code, r.err)
	}
	apply := []string{"apply", plan, "--member", m.Name, "--etcd-version", "3.6.16", "--identity", identity}
	for _, c := range []struct {
		input, says string
		code        int
		args        []string
	}{
		{"", "Try: repeat with --identity", exitFailed, apply[:len(apply)-2]},
		{"", "--dry-run shows", exitFailed, apply},
		{"other\n", "was not typed", exitFailed, apply},
		{"", "downgrade", exitFailed, []string{"apply", plan, "--member", m.Name, "--etcd-version", "3.5.35"}},
		{"", "is not in the plan", exitFailed, []string{"apply", plan, "--member", "m7"}},
		{"", "--member NAME is needed", exitUsage, []string{"apply", plan}},
		{"", "not both", exitUsage, append(apply, "--kubeadm", "--data-dir", m.DataDir)},
		{"", "SHA-256 " + p.SHA256, exitOK, append(apply, "--dry-run")},
		{"", "", exitOK, []string{"rollback", plan, "--member", m.Name}},
	} {
		r := s.restore(t, c.input, c.args...)
		if _, err := os.Stat(m.DataDir); err == nil || r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Fatalf("%v: exit %d, directory made: %t, lacks %q\n%s", c.args, r.code, err == nil, c.says, r.err)
		}
	}
	if r := s.restore(t, "test\n", apply...); r.code != 0 || !strings.Contains(r.out, "is restored") {
		t.Fatalf("apply: exit %d %s%s", r.code, r.out, r.err)
	}
	if left, err := filepath.Glob(filepath.Join(s.state, "restore", "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if r := s.restore(t, "", apply...); r.code != 0 || !strings.Contains(r.out, "already") {
		t.Errorf("apply again: exit %d %s%s", r.code, r.out, r.err)
	}
	m.Start()
	if got := c.Etcdctl(t, "get", "", "--prefix", "--keys-only", "--rev=0"); strings.Count(got, "/registry/") != 36 {
		t.Errorf("%d keys", strings.Count(got, "/registry/"))
	}
	if r := s.restore(t, "", "rollback", plan, "--member", m.Name, "--yes"); r.code != exitFailed || !strings.Contains(r.err, "running") {
		t.Errorf("rollback below a running etcd: exit %d %s", r.code, r.err)
	}
	m.Stop()
	if r := s.restore(t, "test\n", "rollback", plan, "--member", m.Name); r.code != 0 || !strings.Contains(r.out, "etcdward-undone-") {
		t.Errorf("rollback: exit %d %s%s", r.code, r.out, r.err)
	}
	if _, err := os.Stat(m.DataDir); err == nil {
		t.Error("there was no directory before, and is one after the rollback")
	}
}

// TestRestoreRefusesDamage holds the exit code and the way out of a plan that was edited and of a file that is damaged.
func TestRestoreRefusesDamage(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 10)
	s := newSite(t, c)
	file, plan, dir := filepath.Join(s.dir, "s.db"), filepath.Join(s.dir, "plan.yaml"), filepath.Join(s.dir, "etcd")
	c.Members[0].Etcdctl(t, "snapshot", "save", file)
	r := s.restore(t, "", "-o", "json", "plan", "--file", file, "--member", "m1=http://127.0.0.1:1", "--manifests", s.dir, "--output", plan)
	if r.code != 0 || !strings.Contains(r.out, `"sha256"`) {
		t.Fatalf("plan: exit %d %s%s", r.code, r.out, r.err)
	}
	text, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	edited := filepath.Join(s.dir, "edited.yaml")
	if err := os.WriteFile(edited, []byte(strings.Replace(string(text), "1000000000", "2000000000", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r = s.restore(t, "", "apply", edited, "--member", "m1", "--data-dir", dir, "--yes")
	if r.code != exitFailed || !strings.Contains(r.err, "changed after it was made") || !strings.Contains(r.err, "Try: copy the file again") {
		t.Errorf("edited: exit %d %s", r.code, r.err)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/3] ^= 8
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	r = s.restore(t, "", "apply", plan, "--member", "m1", "--data-dir", dir, "--yes")
	if r.code != exitFailed || !strings.Contains(r.err, "damaged") || !strings.Contains(r.err, "Try: nothing was changed") {
		t.Errorf("damaged: exit %d %s", r.code, r.err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was made")
	}
}
