package coordination

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/jobstate"
	"github.com/etcdward/etcdward/schedule"
)

// agentChild, in the environment, makes this binary an agent of TestThreeAgents.
const agentChild = "ETCDWARD_TEST_AGENT"

// childSpec holds the orders to a child agent.
type childSpec struct {
	Host                      string
	Endpoints                 []string
	CAFile, CertFile, KeyFile string
	Dir                       string // shared by all: the diary, and what may not be held twice
	StateDir                  string // its own
	Every, TTL                time.Duration
}

// diaryLine is what a child writes down, in one write each.
type diaryLine struct {
	What string // begin, end, overlap, or settled
	Job  string
	Due  time.Time
	Host string
	PID  int
	Ran  bool   `json:",omitempty"`
	Err  string `json:",omitempty"`
}

// childAgent is a small daemon: the real loop, coordinator and cluster, with jobs that do what the real ones do to etcd.
type childAgent struct {
	spec    childSpec
	cluster *etcd.Cluster
	coord   *Coordinator
	diary   *os.File
	hand    *os.File
}

func runAgentChild() int {
	var a childAgent
	err := json.Unmarshal([]byte(os.Getenv(agentChild)), &a.spec)
	if err == nil {
		err = a.run()
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, a.spec.Host, err)
		return 1
	}
	return 0
}

func (a *childAgent) run() (err error) {
	s := a.spec
	if a.cluster, err = etcd.New(etcd.Options{Endpoints: s.Endpoints, CAFile: s.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile, CallTimeout: 3 * time.Second}); err != nil {
		return err
	}
	if a.diary, err = os.OpenFile(filepath.Join(s.Dir, "diary"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	if a.hand, err = os.OpenFile(filepath.Join(s.Dir, "hand"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	a.coord = &Coordinator{Cluster: a.cluster, Host: s.Host, Log: slog.New(slog.DiscardHandler), LockTTL: s.TTL, Courtesy: 100 * time.Millisecond}
	var jobs []schedule.Job
	for name, work := range map[string]func(context.Context, etcd.Member) error{
		"snapshot": func(ctx context.Context, m etcd.Member) error {
			_, err := a.cluster.Snapshot(ctx, m, io.Discard, nil)
			return err
		},
		"compaction": func(ctx context.Context, m etcd.Member) error {
			_, err := a.cluster.Compact(ctx, m.Revision)
			return err
		},
		"defrag": func(ctx context.Context, m etcd.Member) error { return a.cluster.Defragment(ctx, m, time.Minute) },
	} {
		jobs = append(jobs, schedule.Job{Name: name, Schedule: schedule.Every(s.Every), Run: func(ctx context.Context, run schedule.Run) error {
			return a.attend(ctx, name, run.Due, work)
		}})
	}
	loop, err := schedule.NewLoop(schedule.Parts{Jobs: jobs, State: jobstate.File{Path: filepath.Join(s.StateDir, "schedule.json")}, Report: func(schedule.Outcome) {}})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return loop.Run(ctx)
}

func (a *childAgent) attend(ctx context.Context, job string, due time.Time, work func(context.Context, etcd.Member) error) error {
	d := DueRun{Job: job, Due: due, Once: job == "defrag"}
	if job == "snapshot" {
		d.Yield = func(context.Context) bool { return a.spec.Host != "a" }
	}
	ran, err := a.coord.RunDue(ctx, d, func(ctx context.Context) error { return a.once(ctx, job, due, work) })
	line := diaryLine{What: "settled", Job: job, Due: due, Ran: ran}
	if err != nil {
		line.Err = err.Error()
	}
	a.write(line)
	return err
}

// once does the work on a follower, and finds out whether another agent works at the same time.
func (a *childAgent) once(ctx context.Context, job string, due time.Time, work func(context.Context, etcd.Member) error) error {
	a.write(diaryLine{What: "begin", Job: job, Due: due})
	// The kernel releases the lock when the process is killed.
	if err := syscall.Flock(int(a.hand.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		a.write(diaryLine{What: "overlap", Job: job, Due: due})
	}
	defer func() { _ = syscall.Flock(int(a.hand.Fd()), syscall.LOCK_UN) }()
	survey, err := a.cluster.Survey(ctx)
	if err != nil {
		return err
	}
	candidates, _, err := etcd.Choose(survey, etcd.SourceFollower)
	if err != nil {
		return err
	}
	if err := work(ctx, candidates[0].Member); err != nil {
		return err
	}
	a.write(diaryLine{What: "end", Job: job, Due: due})
	return nil
}

func (a *childAgent) write(l diaryLine) {
	l.Host, l.PID = a.spec.Host, os.Getpid()
	text, err := json.Marshal(l)
	if err == nil {
		_, err = a.diary.Write(append(text, '\n'))
	}
	if err != nil {
		panic(err) // a test without its diary proves nothing
	}
}
