package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	restoreplan "github.com/etcdward/etcdward/agent/restore/plan"

	"github.com/etcdward/etcdward/test/cluster"
)

// names of the members of a plan.
func planNames(t *testing.T, path string) (names string, p restoreplan.Plan) {
	t.Helper()
	p, err := restoreplan.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range p.Members {
		names += fmt.Sprintf("%s=%s in %s;", m.Name, strings.Join(m.PeerURLs, ","), m.DataDir)
	}
	return names, p
}

// TestRestorePlanFindsMembers finds them in a living cluster, in one that lost its quorum, in the manifests, and in the flags, each
// time with less at hand. A learner is left out.
func TestRestorePlanFindsMembers(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	s := newSite(t, c)
	s.snapshot(t)
	c.Etcdctl(t, "put", "/registry/later", "x")
	learner := c.AddLearner(t)
	var all string
	for _, m := range c.Members[:3] {
		all += fmt.Sprintf("%s=%s in /srv/etcd;", m.Name, m.PeerURL)
	}
	nowhere := filepath.Join(s.dir, "none")
	plans := 0
	plan := func(why string, args ...string) (result, string) {
		t.Helper()
		plans++
		output := filepath.Join(s.dir, fmt.Sprintf("plan-%d.yaml", plans))
		return s.restore(t, "", append([]string{"plan", "--data-dir", "/srv/etcd", "--output", output}, args...)...), output
	}
	expect := func(why, says, want string, args ...string) restoreplan.Plan {
		t.Helper()
		r, output := plan(why, args...)
		if r.code != 0 || !strings.Contains(r.err, says) {
			t.Fatalf("%s: exit %d, lacks %q\n%s", why, r.code, says, r.err)
		}
		got, p := planNames(t, output)
		if got != want {
			t.Errorf("%s: got  %s\nwant %s", why, got, want)
		}
		return p
	}
	p := expect("living", "Without "+learner.Name+", learners", all, "--manifests", nowhere)
	if p.HighestRevision <= p.Snapshot.Revision {
		t.Errorf("highest revision %d: no more than the snapshot's %d, though the cluster went on", p.HighestRevision, p.Snapshot.Revision)
	}
	learner.Kill()
	c.Members[0].Kill()
	c.Members[1].Kill()
	expect("quorum lost", "as the living cluster has them", all, "--manifests", nowhere)
	expect("given, though one lives", "as given with --member", "x=https://10.0.0.1:2380 in /srv/etcd;", "--manifests", nowhere, "--member", "x=https://10.0.0.1:2380")
	c.Members[2].Kill()
	expect("manifests", "if others joined later", "cp-0=https://192.168.1.10:2380 in /var/lib/etcd;", "--manifests", "../../agent/restore/kubeadm/testdata/kubeadm-1.34")
	if r, _ := plan("nothing", "--manifests", nowhere); r.code != exitFailed || !strings.Contains(r.err, "Try: name every member") {
		t.Errorf("nothing: exit %d %s", r.code, r.err)
	}
	// No certificate that this process could read, and none that is there.
	body, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"credential:no-such-ca", filepath.Join(s.dir, "no-such-ca.crt")} {
		if err := os.WriteFile(s.config, []byte(strings.Replace(string(body), fmt.Sprintf("%q", c.CAFile), file, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		expect(file, "as given with --member", "x=https://10.0.0.1:2380 in /srv/etcd;", "--manifests", nowhere, "--member", "x=https://10.0.0.1:2380")
		expect(file, "Members as ../../agent", "cp-0=https://192.168.1.10:2380 in /var/lib/etcd;", "--manifests", "../../agent/restore/kubeadm/testdata/kubeadm-1.34")
	}
}
