package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/test/cluster"
)

// bloated is a cluster whose files are mostly empty, and a host whose thresholds are small.
func bloated(t *testing.T) (site, *cluster.Cluster) {
	t.Helper()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	cli := c.Client(t)
	value := strings.Repeat("x", 32<<10)
	for i := range 300 {
		if _, err := cli.Put(t.Context(), "/registry/configmaps/big-"+strconv.Itoa(i%3), value); err != nil {
			t.Fatal(err)
		}
	}
	return newSite(t, c, "compaction: {keep: 0s}", "defrag: {min_reclaimable: 1MiB, pause: 0s}"), c
}

func TestCompactAndDefrag(t *testing.T) {
	s, c := bloated(t)
	if out := s.must(t, "compact", "--dry-run"); !strings.Contains(out, "Would compact to revision 301 what was never compacted before") {
		t.Errorf("compact --dry-run says %q", out)
	}
	var compacted compactedHistory
	s.mustJSON(t, &compacted, "compact")
	if compacted.DryRun || compacted.To < 301 || compacted.Revisions < 300 || compacted.Reason == "" {
		t.Errorf("compact gives %+v", compacted)
	}

	leader := c.Leader(t).Name
	// Members remove what was compacted in the background, and count what is free when something is written.
	var plan defragReport
	cli := c.Client(t)
	for range 100 {
		if _, err := cli.Put(t.Context(), "/registry/leases/a", "renewed"); err != nil {
			t.Fatal(err)
		}
		if s.mustJSON(t, &plan, "defrag", "--dry-run"); len(plan.Plan) == 3 && plan.Plan[2].Verdict == "defragment" {
			break
		}
	}
	if len(plan.Plan) != 3 || plan.Plan[2].Name != leader || !strings.Contains(plan.Plan[2].Reason, "hands over to") || len(plan.Members) > 0 || !plan.DryRun {
		t.Fatalf("defrag --dry-run gives %+v, and %s leads", plan, leader)
	}
	if r := s.etcdward(t, "defrag", "--member", "nobody"); r.code != exitUsage || !strings.Contains(r.err, "nobody") {
		t.Errorf("defrag of nobody: %+v", r)
	}
	one := plan.Plan[1].Name
	if out := s.must(t, "defrag", "--member", one); !strings.Contains(out, one) || !strings.Contains(out, "it was not asked for") {
		t.Errorf("defrag --member says %q", out)
	}
	var done defragReport
	s.mustJSON(t, &done, "defrag")
	if len(done.Members) != 2 || done.Members[1].Name != leader || done.Members[1].LedDuring == leader || done.Members[0].BytesAfter >= done.Members[0].BytesBefore {
		t.Errorf("defrag gives %+v", done)
	}
	if out := s.must(t, "defrag"); strings.Count(out, "below the threshold") != 3 {
		t.Errorf("defrag again says %q", out)
	}
	s.mustJSON(t, &done, "defrag", "--force")
	if len(done.Members) != 3 {
		t.Errorf("defrag --force gives %+v", done)
	}

	// The leader stays as it is when it may not hand over, and that is a finding.
	follower := c.Followers(t)[0]
	follower.Kill()
	if r := s.etcdward(t, "defrag", "--dry-run"); r.code != exitFindings || !strings.Contains(r.out, follower.Name+" does not answer") {
		t.Errorf("defrag --dry-run with a member away: %+v", r)
	}
	if r := s.etcdward(t, "defrag"); r.code != exitFindings || !strings.Contains(r.err, follower.Name+" does not answer") {
		t.Errorf("defrag with a member away: %+v", r)
	}
}

// TestMaintenanceOfDaemon lets the daemon do its due runs and shows who does.
func TestMaintenanceOfDaemon(t *testing.T) {
	s, c := bloated(t)
	now := time.Now().UTC().Truncate(time.Minute)
	before := func(minutes int) map[string]any {
		at := now.Add(time.Duration(-minutes) * time.Minute)
		return map[string]any{"schedule": "* * * * *", "zone": "UTC", "settled": at, "due": at, "started": at, "ended": at, "ok": true, "next": at.Add(time.Minute)}
	}
	// As after a minute of absence: all are due now.
	state, err := json.Marshal(map[string]any{"format": 1, "jobs": map[string]any{"compaction": before(2), "snapshot": before(2)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.state, "schedule.json"), state, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	more := "\nsnapshot: {schedule: \"* * * * *\"}\nverify: {schedule: off}\ndrill: {schedule: off}\nmetrics: {listen: off}\n"
	if err := os.WriteFile(s.config, []byte(strings.Replace(string(text), "compaction: {", "compaction: {schedule: \"* * * * *\", ", 1)+more), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	said := new(log)
	go func() {
		ended <- run(ctx, []string{"--config", s.config, "--state-dir", s.state, "run"}, stdio{strings.NewReader(""), said, said})
	}()
	tick, deadline := time.NewTicker(50*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !strings.Contains(said.String(), "history compacted") || !strings.Contains(said.String(), "snapshot proven") {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the daemon said:\n%s", said)
		}
	}
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d:\n%s", code, said)
	}
	// The record has both runs, so that another host does not repeat them.
	for _, job := range []string{"snapshot", "compaction"} {
		if out := c.Etcdctl(t, "get", "--print-value-only", "etcdward/runs/"+job); !strings.Contains(out, `"ok":true`) {
			t.Errorf("the record of %s is %q", job, out)
		}
	}
}

func TestStatusShowsWhoIsAtWork(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	s := newSite(t, c)
	coordinator, err := s.parts(t).Coordinator()
	if err != nil {
		t.Fatal(err)
	}
	_, err = coordinator.RunNow(t.Context(), "compaction", nil, func(context.Context) error {
		var found status.Status
		r := s.etcdward(t, "-o", "json", "status")
		if err := json.Unmarshal([]byte(r.out), &found); err != nil {
			return err
		}
		if !strings.HasPrefix(found.AtWork, "compaction on ") {
			t.Errorf("at work is %q", found.AtWork)
		}
		if r := s.etcdward(t, "status"); !strings.Contains(r.out, "At work: compaction on ") {
			t.Errorf("status says %q", r.out)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
