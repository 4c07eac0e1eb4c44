package prometheus

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/bucket"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/page"
	"github.com/etcdward/etcdward/test/port"
	"github.com/etcdward/etcdward/test/program"
)

// agent is a running agent.
type agent struct {
	program.On
	*program.Process
	listen string
}

// agents starts some on one cluster, with the same two stores, which take a snapshot every minute, and all other jobs often.
func agents(t *testing.T, c *cluster.Cluster, n int, stores, beat string) []agent {
	t.Helper()
	var all []agent
	for range n {
		a := agent{listen: port.Free(t, "127.0.0.1")}
		a.On = program.On{Host: host.New(t, c, `snapshot: {schedule: "* * * * *"}`, stores, `compaction: {schedule: "* * * * *", keep: 0s}`,
			`verify: {schedule: "* * * * *", read_back: 1}`, `defrag: {schedule: "* * * * *", window: 1m, min_reclaimable: 1GiB}`,
			fmt.Sprintf("metrics: {listen: %q}", a.listen), "heartbeat: {url: "+beat+"}")}
		a.Process = a.On.Start(t, "run")
		all = append(all, a)
	}
	return all
}

// dashboard returns the queries of the dashboard by the titles of their panels.
func dashboard(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../packaging/grafana/etcdward.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			all[p.Title] = append(all[p.Title], strings.ReplaceAll(target.Expr, "$cluster", ".*"))
		}
	}
	return all
}

// notYet are the panels of what this version cannot do yet.
var notYet = []string{"Last restore rehearsed"}

// always are the alerts that fire from the start: the proof, which always does, and what is true of the test: its certificates live for less than a week,
// and its bucket has no versions.
var always = []string{"EtcdwardCertificateExpiring", "EtcdwardCertificateExpiringSoon", "EtcdwardProven", "EtcdwardStoreUnversioned"}

// TestLife has everything healthy first: each panel of the dashboard has data, no alert fires but those of which that is true. Then come the troubles that can
// be had within a minute, and each has its alert.
func TestLife(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Members: 3, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 50)
	var beats atomic.Int64
	beat := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { beats.Add(1) }))
	defer beat.Close()
	b, nas := bucket.New(t, bucket.All), t.TempDir()
	stores := fmt.Sprintf("stores:\n  - name: primary\n    s3: {bucket: %s, region: %s, endpoint: %q, path_style: true, credentials_file: %s}\n  - name: nas\n    directory: {path: %s}",
		bucket.Name, b.Region, b.Endpoint, credentials(t, b.Keys), nas)
	all := agents(t, c, 3, stores, beat.URL+"/t0ken")
	s := start(t, all[0].listen, all[1].listen, all[2].listen)
	healthy(t, s)
	if beats.Load() == 0 {
		t.Error("no heartbeat came")
	}
	for _, a := range all {
		code, text := page.Get(t, "http://"+a.listen+"/metrics")
		if strings.Contains(text, "t0ken") || strings.Contains(text, "/registry") || strings.Contains(text, b.Secret) || code != http.StatusOK {
			t.Errorf("%d, and no secret and no key of the cluster belongs into\n%s", code, text)
		}
		checkMetrics(t, text)
	}
	troubles(t, c, s, all, nas)
	allDown(t, c, all[0], nas)
}

// healthy waits until every panel has data, and looks at the alerts then.
func healthy(t *testing.T, s *server) {
	t.Helper()
	panels := dashboard(t)
	missing := map[string]bool{}
	await.Until(t, 150*time.Second, &missing, func() bool {
		clear(missing)
		for title, queries := range panels {
			for _, expr := range queries {
				if s.query(t, expr) == 0 && !slices.Contains(notYet, title) {
					missing[title] = true
				}
			}
		}
		return len(missing) == 0
	})
	var firing []string
	await.Until(t, 60*time.Second, &firing, func() bool {
		firing = slices.Sorted(maps.Keys(s.firing(t)))
		return slices.Equal(firing, always)
	})
	var rules struct {
		Groups []struct {
			Rules []struct{ Name, LastError, Health string }
		}
	}
	s.ask(t, "rules", &rules)
	n := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if n++; r.Health != "ok" {
				t.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	t.Logf("%d panels have data, %d rules are evaluated", len(panels), n)
}

// troubles brings about what can be had in a minute.
func troubles(t *testing.T, c *cluster.Cluster, s *server, all []agent, nas string) {
	t.Helper()
	// An agent dies, one gets a configuration that cannot be used, a store loses everything and takes nothing more, and the quota is reached.
	if err := all[2].Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	all[1].Rewrite(t, "name: test", "name: other")
	if err := all[1].Cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(nas); err != nil {
		t.Fatal(err)
	}
	c.SetQuota(t, 1<<20)
	cli := c.Client(t)
	for n := 0; ; n++ {
		if _, err := cli.Put(t.Context(), fmt.Sprint("/registry/big/", n), strings.Repeat("x", 200<<10)); err != nil {
			break // no space
		}
		if n == 50 {
			t.Fatal("the quota is not reached")
		}
	}
	want := []string{"EtcdwardAgentDown", "EtcdwardConfigRefused", "EtcdwardAlarm", "EtcdwardStoreUnreachable", "EtcdwardNospaceAtHand"}
	var missing []string
	await.Until(t, 180*time.Second, &missing, func() bool {
		firing := s.firing(t)
		missing = slices.DeleteFunc(slices.Clone(want), func(name string) bool { return firing[name] })
		return len(missing) == 0
	})
}

// allDown checks that an agent tells what it knows while etcd and all stores are away.
func allDown(t *testing.T, c *cluster.Cluster, a agent, nas string) {
	t.Helper()
	_, before := page.Get(t, "http://"+a.listen+"/metrics")
	for _, m := range c.Members {
		m.Kill()
	}
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		begun := time.Now()
		code, text := page.Get(t, "http://"+a.listen+path)
		if took := time.Since(begun); took > 5*time.Second || text == "" || path != "/readyz" && code != http.StatusOK {
			t.Errorf("%s answers %d after %s: %s", path, code, took, text)
		}
	}
	await.Until(t, 90*time.Second, "etcd_reachable 0, and the proof as it was", func() bool {
		_, text := page.Get(t, "http://"+a.listen+"/metrics")
		return strings.Contains(text, "etcdward_etcd_reachable{cluster=\"test\"} 0\n") && lineOf(text, "etcdward_cluster_proven_timestamp_seconds") != "" &&
			lineOf(before, "etcdward_cluster_proven_timestamp_seconds") != ""
	})
}

// lineOf returns the line of a metric.
func lineOf(text, name string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name+"{") {
			return line
		}
	}
	return ""
}

func credentials(t *testing.T, keys string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(keys), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkMetrics has promtool look at a scrape.
func checkMetrics(t *testing.T, text string) {
	t.Helper()
	var ours strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, "etcdward_") {
			ours.WriteString(line)
		}
	}
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(ours.String())
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
