package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/cluster"
)

// bloated is a cluster whose files are mostly empty, and a host whose thresholds are small.
func bloated(t *testing.T) (site, *cluster.Cluster) {
	t.Helper()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.Bloat(t)
	return newSite(t, c, "compaction: {keep: 0s}", "defrag: {min_reclaimable: 1MiB, pause: 0s}"), c
}

// TestMaintenanceOfDaemon lets the daemon do its due runs and shows who does.
func TestMaintenanceOfDaemon(t *testing.T) {
	t.Parallel()
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
	more := "\nsnapshot: {schedule: \"* * * * *\"}\nverify: {schedule: off}\ndrill: {schedule: off}\n"
	if err := os.WriteFile(s.config, []byte(strings.Replace(string(text), "compaction: {", "compaction: {schedule: \"* * * * *\", ", 1)+more), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	said := new(log)
	go func() {
		ended <- run(ctx, []string{"--config", s.config, "--state-dir", s.state, "run"}, stdio{strings.NewReader(""), said, said})
	}()
	// "history compacted" and "snapshot proven" come before the record is written.
	await.Until(t, time.Minute, said, func() bool {
		done := strings.Contains(said.String(), `msg="job done" job=compaction`) && strings.Contains(said.String(), `msg="job done" job=snapshot`)
		return done || len(ended) > 0
	})
	for _, want := range []string{"history compacted", "snapshot proven"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, said)
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
