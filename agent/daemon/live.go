package daemon

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/etcdward/etcdward/agent/jobstate"
	"github.com/etcdward/etcdward/schedule"
)

// live runs one generation until the daemon ends or the next generation replaces it, which live then returns.
func (d *daemon) live(ctx context.Context, g *generation, first bool) (next *generation, err error) {
	defer func() { err = errors.Join(err, g.Close()) }()
	d.inForce.Store(g)
	halt := make(chan struct{})
	loop, err := schedule.NewLoop(schedule.Parts{Jobs: g.jobs, State: jobstate.File{Path: g.StatePath()}, Halt: halt, Alive: d.pulse.seen,
		Begun:  func(job *schedule.Job, run schedule.Run) { d.begun(job, run) },
		Report: func(o schedule.Outcome) { d.report(g, o) }})
	if err != nil {
		return nil, err
	}
	for _, note := range g.Config.Warnings() {
		g.Log.Warn("configuration needs attention", "reason", note)
	}
	for _, job := range g.Schedules() {
		g.Log.Info("job scheduled", "job", job.Name, "schedule", job.Schedule.String(), "next", job.Schedule.Next(time.Now()).Format(time.RFC3339))
	}
	serving, cancel := context.WithCancel(ctx)
	var services sync.WaitGroup
	defer services.Wait()
	defer cancel()
	for _, s := range g.services {
		if first || !s.Once {
			services.Go(func() { s.Run(serving) })
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- loop.Run(ctx) }()
	return d.attend(ctx, g, halt, ended)
}

// attendance is the state of attend while it waits for the loop to end.
type attendance struct {
	halt    chan struct{}
	halted  bool
	restart bool
	next    *generation
	err     error
}

// stop asks the loop to end between two runs.
func (a *attendance) stop() {
	if !a.halted {
		close(a.halt)
	}
	a.halted = true
}

// attend answers signals until the loop has ended, and returns what follows: the next generation, or nil.
func (d *daemon) attend(ctx context.Context, g *generation, halt chan struct{}, ended <-chan error) (*generation, error) {
	a := &attendance{halt: halt}
	for {
		select {
		case s := <-d.Signals:
			d.answer(ctx, g, s, a)
		case cause := <-ended:
			return d.conclude(g, cause, a)
		}
	}
}

// answer does what a signal asks for.
func (d *daemon) answer(ctx context.Context, g *generation, s os.Signal, a *attendance) {
	if s != syscall.SIGHUP {
		if d.mayRestart(ctx, g) {
			a.restart = true
			a.stop()
		}
		return
	}
	newer := d.reread(g)
	if newer == nil {
		return
	}
	if a.next != nil {
		a.err = errors.Join(a.err, a.next.Close()) // it never ran
	}
	a.next = newer
	a.stop()
}

// conclude logs why the loop ended, and returns the generation that follows, if there is one.
func (d *daemon) conclude(g *generation, cause error, a *attendance) (*generation, error) {
	d.board.say(noteWaits, "")
	switch {
	case !errors.Is(cause, schedule.ErrHalted):
		g.Log.Info("etcdward stopped", "reason", cause)
	case a.restart:
		g.Log.Info("restart begun between two runs")
	default:
		return a.next, a.err
	}
	if a.next != nil {
		a.err = errors.Join(a.err, a.next.Close())
	}
	told(g.Log, d.Notify.Stopping())
	if !errors.Is(cause, context.Canceled) && !errors.Is(cause, schedule.ErrHalted) {
		a.err = errors.Join(a.err, cause)
	}
	return nil, a.err
}
