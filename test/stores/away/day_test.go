package away

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/jobstate"
	"github.com/etcdward/etcdward/agent/round"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/schedule"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/program"
)

// TestStoreAwayForADay lets the daemon's own loop do 26 runs while one of two stores is away, with a restart in the
// middle, and looks at what waits, what the other store has, the memory, and the order in which all is delivered
// when the store is back.
func TestStoreAwayForADay(t *testing.T) {
	const count = 26
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 100)
	second := t.TempDir()
	s := program.On{Host: host.New(t, c)}
	s.Rewrite(t, s.Store+"}\n", s.Store+"}\n  - name: second\n    directory: {path: "+second+"}\n")
	away := s.Store + ".away"
	if err := os.Rename(s.Store, away); err != nil {
		t.Fatal(err)
	}
	var memory []uint64
	for _, part := range []int{count / 2, count - count/2} { // a restart lies between
		runs(t, s, c, part, func(err error) {
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
	t.Logf("heap in use after run 5: %d KiB, after run %d: %d KiB", memory[4]>>10, count, memory[len(memory)-1]>>10)

	var onSecond []snapshot.Manifest
	mustList(t, s, &onSecond, "second")
	if len(onSecond) != count {
		t.Errorf("the second store has %d of %d", len(onSecond), count)
	}
	if waiting := waitingOf(t, s); waiting != count {
		t.Errorf("%d of %d wait", waiting, count)
	}
	if err := os.Rename(away, s.Store); err != nil {
		t.Fatal(err)
	}
	runs(t, s, c, 1, func(err error) {
		if err != nil {
			t.Errorf("with the store back: %v", err)
		}
	})
	if waiting := waitingOf(t, s); waiting != 0 {
		t.Errorf("%d still wait after one cycle", waiting)
	}
	var onFirst []snapshot.Manifest
	mustList(t, s, &onFirst, "primary")
	mustList(t, s, &onSecond, "second")
	if len(onFirst) != count+1 || len(onSecond) != count+1 {
		t.Errorf("the stores have %d and %d of %d", len(onFirst), len(onSecond), count+1)
	}
	// Delivered the newest first, then in the order in which they were taken: so the files appeared.
	var stored []time.Time
	for _, m := range onFirst {
		info, err := os.Stat(s.Store + "/" + m.Object.Key)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, info.ModTime())
		s.Must(t, "verify", m.ID, "--store", "primary")
	}
	stored = append(stored[count:], stored[:count]...)
	if !slices.IsSortedFunc(stored, time.Time.Compare) {
		t.Errorf("not delivered in order: %v", stored)
	}
}

// runs lets the loop of the daemon run a number of times, each second once, while etcd changes.
func runs(t *testing.T, s program.On, c *cluster.Cluster, n int, after func(err error)) {
	t.Helper()
	h := s.Parts(t)
	job, err := h.Round(false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := 0
	loop, err := schedule.NewLoop(schedule.Parts{
		Jobs: []schedule.Job{{Name: "snapshot", Schedule: schedule.Every(time.Second), Run: func(ctx context.Context, run schedule.Run) error {
			c.Members[0].Advance(t)
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

func mustList(t *testing.T, s program.On, into *[]snapshot.Manifest, store string) {
	t.Helper()
	*into = nil
	s.MustJSON(t, into, "list", "--store", store)
}

// waitingOf is how many snapshots wait for the first store, as status tells.
func waitingOf(t *testing.T, s program.On) int {
	t.Helper()
	var st struct {
		Stores []struct {
			Name    string
			Spooled int
		}
	}
	r := s.Run(t, "-o", "json", "status")
	if err := json.Unmarshal([]byte(r.Out), &st); err != nil {
		t.Fatalf("%v: %s", err, r.Out)
	}
	return st.Stores[0].Spooled
}
