package coordination

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/test/client"
	"github.com/etcdward/etcdward/test/cluster"
)

// crew is three agents with one configuration, as processes.
type crew struct {
	spec     childSpec
	children map[int]*exec.Cmd // by pid
	killed   []int
}

func (c *crew) start(t *testing.T, host string) {
	t.Helper()
	s := c.spec
	s.Host, s.StateDir = host, filepath.Join(s.Dir, host)
	if err := os.MkdirAll(s.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), agentChild+"="+string(text))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.children[cmd.Process.Pid] = cmd
}

// end kills one child, as power loss does.
func (c *crew) end(pid int) {
	cmd, ours := c.children[pid]
	if !ours {
		return
	}
	_ = cmd.Process.Kill() // an error says that it has ended
	_ = cmd.Wait()         // it was killed
	delete(c.children, pid)
}

func (c *crew) diary(t *testing.T) []diaryLine {
	t.Helper()
	file, err := os.Open(filepath.Join(c.spec.Dir, "diary"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var lines []diaryLine
	for scan := bufio.NewScanner(file); scan.Scan(); {
		var l diaryLine
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			t.Fatalf("diary: %v: %q", err, scan.Text())
		}
		lines = append(lines, l)
	}
	return lines
}

// working is the agent in the middle of a run; 0 if there is none.
func (c *crew) working(t *testing.T) (pid int, host string) {
	lines := c.diary(t)
	if len(lines) == 0 || lines[len(lines)-1].What != "begin" {
		return 0, ""
	}
	last := lines[len(lines)-1]
	return last.PID, last.Host
}

// ended counts, for each job, the due runs that came to their end.
func ended(lines []diaryLine) map[string]map[time.Time]int {
	runs := map[string]map[time.Time]int{"snapshot": {}, "compaction": {}, "defrag": {}}
	for _, l := range lines {
		if l.What == "end" {
			runs[l.Job][l.Due]++
		}
	}
	return runs
}

// TestThreeAgents runs three agents, killing whoever holds the lock, until each job has had twenty due runs.
func TestThreeAgents(t *testing.T) {
	const dues, kills = 20, 6
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 1000)
	all := &crew{children: map[int]*exec.Cmd{}, spec: childSpec{Endpoints: c.Endpoints(), CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile,
		Dir: t.TempDir(), Every: time.Second, TTL: 2 * time.Second}}
	t.Cleanup(func() {
		for pid := range all.children {
			all.end(pid)
		}
	})
	for _, host := range []string{"a", "b", "c"} {
		all.start(t, host)
	}
	seen, random := client.Connect(t, c), rand.New(rand.NewPCG(4, 2))
	enough := func(n int) bool {
		for _, runs := range ended(all.diary(t)) {
			if len(runs) < n {
				return false
			}
		}
		return true
	}
	for len(all.killed) < kills {
		// The kills are spread over the first dues, and hit any job at any moment of its run.
		client.Await(t, "more runs", func() bool { return enough(1 + len(all.killed)*dues/kills) })
		passing := random.IntN(20)
		client.Await(t, "a holder", func() bool {
			pid, host := all.working(t)
			if len(all.killed)%2 == 0 { // not in the middle of the work only
				h, _, err := seen.Holder(t.Context())
				if err != nil {
					return false
				}
				pid, host = h.PID, h.Host
			}
			if all.children[pid] == nil {
				return false
			}
			if passing--; passing > 0 {
				return false
			}
			all.end(pid)
			all.killed = append(all.killed, pid)
			all.start(t, host)
			return true
		})
	}
	client.Await(t, "all runs", func() bool { return enough(dues) })
	for pid := range all.children {
		all.end(pid)
		all.killed = append(all.killed, pid)
	}
	all.judge(t)
}

// judge reads what all of them did.
func (c *crew) judge(t *testing.T) {
	lines := c.diary(t)
	ends := map[string][]diaryLine{}
	unsure := map[int]bool{} // the end of their last run may not be noted
	for _, pid := range c.killed {
		unsure[pid] = true
	}
	left, begun := 0, 0
	for _, l := range lines {
		key := l.Job + " " + l.Due.String()
		switch {
		case l.What == "overlap":
			t.Errorf("%s due %s on %s overlaps another", l.Job, l.Due, l.Host)
		case l.What == "begin":
			begun++
		case l.What == "end":
			ends[key] = append(ends[key], l)
		case l.What == "settled" && l.Err != "":
			t.Logf("%s due %s on %s: %s", l.Job, l.Due, l.Host, l.Err)
		case l.What == "settled" && !l.Ran:
			left++
			by := slices.ContainsFunc(lines, func(e diaryLine) bool { return e.What == "end" && e.Job == l.Job && !e.Due.Before(l.Due) })
			if !by {
				t.Errorf("%s due %s was left by %s, and nobody did it", l.Job, l.Due, l.Host)
			}
		}
	}
	caughtUp := 0
	for key, runs := range ends {
		if len(runs) == 1 {
			continue
		}
		caughtUp++
		if len(runs) > 2 || !unsure[runs[0].PID] {
			t.Errorf("%s happened %d times: %+v", key, len(runs), runs)
		}
	}
	done := 0
	for _, runs := range ends {
		done += len(runs)
	}
	if begun == done {
		t.Error("no kill hit a run in its middle")
	}
	if left == 0 {
		t.Error("no agent ever left a run to another")
	}
	t.Logf("%d runs, %d of them done again after a kill, %d cut in the middle, %d left to another, %d kills", len(ends), caughtUp, begun-done, left, len(c.killed))
}

// attendance is one coordinator's view in a test of its rules.
type attendance struct {
	*Coordinator
	runs int
}

func attendant(t *testing.T, c *cluster.Cluster, host string) *attendance {
	return &attendance{Coordinator: &Coordinator{Cluster: client.Connect(t, c), Host: host, Log: slog.New(slog.DiscardHandler), Courtesy: time.Millisecond}}
}

func (a *attendance) attend(t *testing.T, d DueRun, result error) (bool, error) {
	t.Helper()
	return a.RunDue(t.Context(), d, func(context.Context) error {
		a.runs++
		return result
	})
}

func TestAttend(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	due := time.Now().UTC().Truncate(time.Second)
	broken := errors.New("broken disk")

	t.Run("once in the cluster", func(t *testing.T) {
		a, b := attendant(t, c, "a"), attendant(t, c, "b")
		d := DueRun{Job: "once", Due: due}
		for _, who := range []*attendance{a, b, a, b} {
			if _, err := who.attend(t, d, nil); err != nil {
				t.Fatal(err)
			}
		}
		d.Due = due.Add(time.Second)
		if ran, err := b.attend(t, d, nil); !ran || err != nil {
			t.Errorf("the next due run: %t, %v", ran, err)
		}
		if a.runs != 1 || b.runs != 1 {
			t.Errorf("a ran it %d times, b %d", a.runs, b.runs)
		}
	})
	t.Run("another host tries what failed", func(t *testing.T) {
		a, b, e := attendant(t, c, "a"), attendant(t, c, "b"), attendant(t, c, "e")
		d := DueRun{Job: "failing", Due: due}
		for _, who := range []*attendance{a, a, b, b, a} {
			if ran, err := who.attend(t, d, broken); ran != errors.Is(err, broken) {
				t.Errorf("ran %t, %v", ran, err)
			}
		}
		if _, err := e.attend(t, d, nil); err != nil {
			t.Error(err)
		}
		if ran, err := b.attend(t, d, nil); ran || err != nil {
			t.Errorf("after e did it: %t, %v", ran, err)
		}
		if a.runs != 1 || b.runs != 1 || e.runs != 1 {
			t.Errorf("runs: %d, %d, %d; want one each", a.runs, b.runs, e.runs)
		}
	})
	t.Run("findings are no failure", func(t *testing.T) {
		a, b := attendant(t, c, "a"), attendant(t, c, "b")
		d := DueRun{Job: "findings", Due: due}
		if _, err := a.attend(t, d, agent.ErrPartial); !errors.Is(err, agent.ErrPartial) {
			t.Error(err)
		}
		if ran, err := b.attend(t, d, nil); ran || err != nil {
			t.Errorf("%t, %v", ran, err)
		}
	})
	t.Run("once at all", func(t *testing.T) {
		a, b := attendant(t, c, "a"), attendant(t, c, "b")
		d := DueRun{Job: "defrag", Due: due, Once: true}
		if _, err := a.attend(t, d, broken); !errors.Is(err, broken) {
			t.Error(err)
		}
		if ran, err := b.attend(t, d, nil); ran || err != nil {
			t.Errorf("%t, %v", ran, err)
		}
	})
	t.Run("interrupted is not noted", func(t *testing.T) {
		a := attendant(t, c, "a")
		d := DueRun{Job: "interrupted", Due: due}
		ctx, cancel := context.WithCancel(t.Context())
		_, err := a.RunDue(ctx, d, func(ctx context.Context) error {
			cancel()
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		// A failure would not be tried again on the same host.
		if ran, err := a.attend(t, d, nil); !ran || err != nil {
			t.Errorf("%t, %v", ran, err)
		}
	})
	t.Run("done as the end came is noted", func(t *testing.T) {
		a, b := attendant(t, c, "a"), attendant(t, c, "b")
		d := DueRun{Job: "just in time", Due: due}
		ctx, cancel := context.WithCancel(t.Context())
		_, err := a.RunDue(ctx, d, func(context.Context) error {
			cancel()
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if ran, err := b.attend(t, d, nil); ran || err != nil {
			t.Errorf("%t, %v", ran, err)
		}
	})
	t.Run("inside of a longer job", func(t *testing.T) {
		a, other := attendant(t, c, "a"), client.Connect(t, c)
		var inside etcd.Holder
		_, err := a.RunDue(t.Context(), DueRun{Job: "outer", Due: due}, func(ctx context.Context) error {
			_, err := a.RunDue(ctx, DueRun{Job: "inner", Due: due}, func(ctx context.Context) (err error) {
				inside, _, err = other.Holder(ctx)
				return err
			})
			if h, _, herr := other.Holder(ctx); herr != nil || h.Task != "outer" {
				t.Errorf("afterwards the holder is %v, %v", h, herr)
			}
			return err
		})
		if err != nil || inside.Task != "outer, inner" {
			t.Errorf("inside the holder is %v; %v", inside, err)
		}
		if ran, err := a.attend(t, DueRun{Job: "inner", Due: due}, nil); ran || err != nil {
			t.Errorf("the inner one again: %t, %v", ran, err)
		}
	})
}

func TestAttendWithoutQuorum(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.Members[0].Kill()
	c.Members[1].Kill()
	a := attendant(t, c, "a")
	d := DueRun{Job: "compaction", Due: time.Now()}
	begun := time.Now()
	if ran, err := a.attend(t, d, nil); ran || !errors.Is(err, ErrLockUnavailable) || !errors.Is(err, etcd.ErrNoQuorum) {
		t.Errorf("a job that needs the quorum: %t, %v", ran, err)
	}
	d.WithoutLock = func(_ context.Context, cause error) bool { return errors.Is(cause, etcd.ErrNoQuorum) }
	if ran, err := a.attend(t, d, nil); !ran || err != nil || a.runs != 1 {
		t.Errorf("an emergency: %t, %v, %d runs", ran, err, a.runs)
	}
	if took := time.Since(begun); took > 40*time.Second {
		t.Errorf("that took %s", took)
	}
}
