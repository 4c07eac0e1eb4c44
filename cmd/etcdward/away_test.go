package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/jobstate"
	"github.com/etcdward/etcdward/agent/round"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/schedule"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestStoreAwayForADay lets the daemon's own loop do 26 runs while one of two stores is away, with a restart in the
// middle, and looks at what waits, what the other store has, the memory, and the order in which all is delivered
// when the store is back.
func TestStoreAwayForADay(t *testing.T) {
	const runs = 26
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 100)
	second := t.TempDir()
	s := newSite(t, c)
	s.addStore(t, "second", second)
	away := s.store + ".away"
	if err := os.Rename(s.store, away); err != nil {
		t.Fatal(err)
	}
	var memory []uint64
	for _, part := range []int{runs / 2, runs - runs/2} { // a restart lies between
		s.runs(t, c, part, func(err error) {
			if err == nil {
				t.Error("a run without one of its stores was reported as done")
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			memory = append(memory, m.HeapInuse)
		})
	}
	if early, late := memory[4], memory[len(memory)-1]; late > early+early/2 {
		t.Errorf("heap in use grew from %d to %d bytes", early, late)
	}
	t.Logf("heap in use after run 5: %d KiB, after run %d: %d KiB", memory[4]>>10, runs, memory[len(memory)-1]>>10)

	var onSecond []snapshot.Manifest
	s.mustListJSON(t, &onSecond, "second")
	if len(onSecond) != runs {
		t.Errorf("the second store has %d of %d", len(onSecond), runs)
	}
	if waiting := s.waiting(t); waiting != runs {
		t.Errorf("%d of %d wait", waiting, runs)
	}
	if err := os.Rename(away, s.store); err != nil {
		t.Fatal(err)
	}
	s.runs(t, c, 1, func(err error) {
		if err != nil {
			t.Errorf("with the store back: %v", err)
		}
	})
	if waiting := s.waiting(t); waiting != 0 {
		t.Errorf("%d still wait after one cycle", waiting)
	}
	var onFirst []snapshot.Manifest
	s.mustListJSON(t, &onFirst, "primary")
	s.mustListJSON(t, &onSecond, "second")
	if len(onFirst) != runs+1 || len(onSecond) != runs+1 {
		t.Errorf("the stores have %d and %d of %d", len(onFirst), len(onSecond), runs+1)
	}
	// Delivered the newest first, then in the order in which they were taken: so the files appeared.
	var stored []time.Time
	for _, m := range onFirst {
		info, err := os.Stat(s.store + "/" + m.Object.Key)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, info.ModTime())
		s.must(t, "verify", m.ID, "--store", "primary")
	}
	stored = append(stored[runs:], stored[:runs]...)
	if !slices.IsSortedFunc(stored, time.Time.Compare) {
		t.Errorf("not delivered in order: %v", stored)
	}
}

// runs lets the loop of the daemon run a number of times, each second once, while etcd changes.
func (s site) runs(t *testing.T, c *cluster.Cluster, n int, after func(err error)) {
	t.Helper()
	h := s.parts(t)
	job, err := h.Round(false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := 0
	loop, err := schedule.NewLoop(schedule.Parts{
		Jobs: []schedule.Job{{Name: "snapshot", Schedule: schedule.Every(time.Second), Run: func(ctx context.Context, run schedule.Run) error {
			advance(t, c, c.Members[0])
			_, err := job.Run(ctx, round.Options{Due: run.Due})
			return err
		}}},
		State: jobstate.File{Path: h.StatePath()},
		Report: func(o schedule.Outcome) {
			if errors.Is(o.Err, schedule.ErrInterrupted) {
				return
			}
			after(o.Err)
			if done++; done == n {
				stop()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := loop.Run(ctx); done != n {
		t.Fatalf("%d of %d runs: %v", done, n, err)
	}
}

func (s site) mustListJSON(t *testing.T, into *[]snapshot.Manifest, store string) {
	t.Helper()
	*into = nil
	s.mustJSON(t, into, "list", "--store", store)
}

// waiting is how many snapshots wait for the first store, as status tells.
func (s site) waiting(t *testing.T) int {
	t.Helper()
	var st struct {
		Stores []struct {
			Name    string
			Spooled int
		}
	}
	r := s.etcdward(t, "-o", "json", "status")
	if err := json.Unmarshal([]byte(r.out), &st); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	return st.Stores[0].Spooled
}
