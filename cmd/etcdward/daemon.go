package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/schedule"
	"github.com/etcdward/etcdward/systemd"
)

// generation is everything that one reading of the configuration made: while it is in force its loop runs, and none of another.
type generation struct {
	*house
	upkeep *maintenance
	jobs   []schedule.Job
}

// prepare reads the configuration and makes all that it asks for; what cannot be is an error now, and not when a job is due.
func (inv *invocation) prepare() (*generation, error) {
	h, err := inv.build()
	if err != nil {
		return nil, err
	}
	g := &generation{house: h}
	if g.upkeep, err = h.maintenance(); err == nil {
		g.jobs, err = h.jobs(g.upkeep)
	}
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return g, nil
}

// daemon is the process: one generation after the other.
type daemon struct {
	inv     *invocation
	signals chan os.Signal
	board   *board
	pulse   *pulse
}

func (inv *invocation) daemon(ctx context.Context) (err error) {
	inv.quiet = true
	d := &daemon{inv: inv, signals: make(chan os.Signal, 4), board: &board{tell: systemd.Status}, pulse: newPulse()}
	// Before anything else: by default these would end the process.
	signal.Notify(d.signals, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(d.signals)
	g, err := inv.prepare()
	if err != nil {
		return err
	}
	g.log.Info("etcdward starts", "version", version, "cluster", g.config.Cluster.Name, "config", inv.config)
	interval, err := systemd.WatchdogInterval()
	if err != nil {
		g.log.Warn("watchdog not known", "error", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var watchdog sync.WaitGroup
	defer watchdog.Wait()
	defer cancel(nil)
	log := g.log
	watchdog.Go(func() {
		if err := systemd.Watch(ctx, interval, d.pulse.alive); err != nil {
			log.Warn("systemd not told", "error", err)
		}
	})
	g.told(systemd.Ready())
	if err := noteCluster(g.config.Cluster.Name); err != nil {
		g.log.Warn("name of the cluster not noted, a reload with another one will seem to succeed", "error", err)
	}
	if err := d.start(ctx, g); err != nil {
		return errors.Join(err, g.Close())
	}
	for first := true; ; first = false {
		next, err := d.live(ctx, g, first)
		if next == nil {
			return err
		}
		g = next
		g.log.Info("configuration reloaded", "config", inv.config)
	}
}

// told logs what systemd could not be told: nothing depends on it.
func (h *house) told(err error) {
	if err != nil {
		h.log.Warn("systemd not told", "error", err)
	}
}

// startLimit bounds what is cleaned up at the start.
const startLimit = 15 * time.Minute

// start removes what earlier processes left.
func (d *daemon) start(ctx context.Context, g *generation) error {
	d.pulse.begun("start", startLimit)
	defer d.pulse.ended("start")
	within, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	err := g.cleanUp(within)
	if err != nil && ctx.Err() != nil {
		return nil // it was told to stop; live ends likewise
	}
	return err
}

// live runs one generation until the daemon ends, or the next one replaces it: that one is given then.
func (d *daemon) live(ctx context.Context, g *generation, first bool) (next *generation, err error) {
	defer func() { err = errors.Join(err, g.Close()) }()
	halt := make(chan struct{})
	loop, err := schedule.NewLoop(schedule.Parts{Jobs: g.jobs, State: schedule.FileState{Path: g.statePath()}, Halt: halt, Alive: d.pulse.seen,
		Begun:  func(job *schedule.Job, run schedule.Run) { d.begun(job, run) },
		Report: func(o schedule.Outcome) { d.report(g, o) }})
	if err != nil {
		return nil, err
	}
	for _, note := range append(g.config.Warnings(), inactive(g.config)...) {
		g.log.Warn("configuration", "note", note)
	}
	for _, job := range g.schedules() {
		g.log.Info("job scheduled", "job", job.name, "schedule", job.schedule.String(), "next", job.schedule.Next(time.Now()).Format(time.RFC3339))
	}
	beside, cancel := context.WithCancel(ctx)
	var besides sync.WaitGroup
	defer besides.Wait()
	defer cancel()
	// A backlog may take hours, and a snapshot that is due meanwhile must not wait for it.
	besides.Go(func() { g.drain(beside); d.board.look() })
	besides.Go(func() { d.board.watch(beside, g.house) })
	if first {
		besides.Go(func() { g.sweepStores(beside) })
	}
	if !g.config.Compaction.Schedule.Off() {
		besides.Go(func() { g.upkeep.watch(beside) })
	}
	ended := make(chan error, 1)
	go func() { ended <- loop.Run(ctx) }()
	return d.attend(ctx, g, halt, ended)
}

// attend answers signals until the loop has ended, and says what comes then: the next generation, or nil.
func (d *daemon) attend(ctx context.Context, g *generation, halt chan struct{}, ended <-chan error) (next *generation, err error) {
	restart, halted := false, false
	stop := func() {
		if !halted {
			close(halt)
		}
		halted = true
	}
	for {
		select {
		case s := <-d.signals:
			switch {
			case s == syscall.SIGHUP:
				if newer := d.reread(g); newer != nil {
					if next != nil {
						err = errors.Join(err, next.Close()) // it never ran
					}
					next = newer
					stop()
				}
			case d.mayRestart(ctx, g):
				restart = true
				stop()
			}
		case cause := <-ended:
			d.board.say(noteWaits, "")
			switch {
			case !errors.Is(cause, schedule.ErrHalted):
				g.log.Info("etcdward stops", "cause", cause)
			case restart:
				g.log.Info("restarts between two runs")
			default:
				return next, err
			}
			if next != nil {
				err = errors.Join(err, next.Close())
			}
			g.told(systemd.Stopping())
			if !errors.Is(cause, context.Canceled) && !errors.Is(cause, schedule.ErrHalted) {
				err = errors.Join(err, cause)
			}
			return nil, err
		}
	}
}

// reread makes the next generation; nil where the file cannot be used, and the one in force goes on.
func (d *daemon) reread(g *generation) *generation {
	g.told(systemd.Reloading())
	defer func() { g.told(systemd.Ready()) }()
	next, err := d.inv.prepare()
	if err == nil {
		err = asUnit(next.config)
		if was := g.config.Cluster.Name; err == nil && was != next.config.Cluster.Name {
			err = otherCluster{next.config.Cluster.Name, was}
		}
		if err != nil {
			err = errors.Join(err, next.Close())
		}
	}
	if err != nil {
		g.log.Error("configuration refused", "config", d.inv.config, "error", err)
		d.board.say(noteRefused, "the changed configuration is refused: "+err.Error())
		return nil
	}
	d.board.say(noteRefused, "")
	d.board.say(noteWaits, "the changed configuration waits for the end of the run")
	return next
}

// restartCheck bounds the question whether the installed program would start.
const restartCheck = time.Minute

// mayRestart asks the program that is installed now whether it takes the configuration. If not, this process is the better one.
func (d *daemon) mayRestart(ctx context.Context, g *generation) bool {
	if err := d.wouldStart(ctx); err != nil {
		g.log.Error("restart refused", "error", err)
		d.board.say(noteRefused, "it would not start again: "+err.Error())
		return false
	}
	d.board.say(noteWaits, "a restart waits for the end of the run")
	return true
}

func (d *daemon) wouldStart(ctx context.Context) error {
	if err := credentialsThere("/"); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, restartCheck)
	defer cancel()
	// An upgrade has replaced the file that this process runs.
	check := exec.CommandContext(ctx, strings.TrimSuffix(program, " (deleted)"), "config", "check", "--config", d.inv.config)
	check.Env = append(os.Environ(), runtimeDirectory+"=") // a new process may be another cluster's
	out, err := check.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (d *daemon) begun(job *schedule.Job, run schedule.Run) {
	limit := job.Limit
	if !run.Closes.IsZero() {
		limit = time.Until(run.Closes)
	}
	d.pulse.begun(job.Name, limit)
	d.board.begun(job.Name)
}

// report says what came of a run: one line each, whatever it was.
func (d *daemon) report(g *generation, o schedule.Outcome) {
	// A snapshot leaves buffers behind that an idle daemon does not need.
	debug.FreeOSMemory()
	d.pulse.ended(o.Job)
	d.board.ended(o.Job)
	d.board.look()
	args := []any{"job", o.Job}
	if o.Job == "" {
		args = nil
	} else {
		args = append(args, "due", o.Due.Format(time.RFC3339), "seconds", fmt.Sprintf("%.1f", o.Ended.Sub(o.Started).Seconds()))
		if o.Missed {
			args = append(args, "missed", true)
		}
		if o.Skipped > 0 {
			args = append(args, "skipped", o.Skipped)
		}
	}
	level, message := slog.LevelInfo, "job done"
	switch {
	case o.Err == nil:
	case errors.Is(o.Err, schedule.ErrInterrupted):
		message = "job interrupted, due again at the next start"
	case o.Job == "":
		level, message = slog.LevelWarn, "schedule"
	case errors.Is(o.Err, schedule.ErrWindowMissed):
		level, message = slog.LevelWarn, "window missed"
	case rested(o.Err):
		level, message = slog.LevelWarn, "job rests"
	case errors.Is(o.Err, agent.ErrPartial):
		level, message = slog.LevelWarn, "job done with findings"
	default:
		level, message = slog.LevelError, "job failed"
	}
	if o.Err != nil {
		args = append(args, "error", o.Err)
	}
	g.log.Log(context.Background(), level, message, args...)
}
