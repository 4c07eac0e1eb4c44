// Package daemon does every job when it is due, runs the services beside the jobs, reads its configuration again on request, and reports its
// state to systemd. It decides when; the other rooms decide what is done.
//
// Its one invariant: all jobs that run come from the same reading of the configuration, and a reload that cannot be used changes nothing.
package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/etcdward/etcdward/agent/heartbeat"
	"github.com/etcdward/etcdward/agent/metrics"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/schedule"
	"github.com/etcdward/etcdward/systemd"
)

// Options are what the process hands to the daemon.
type Options struct {
	// Load reads the configuration and opens the parts that it asks for; it is called again for each reload. The daemon closes what it returns.
	Load func() (*wire.Parts, error)
	// Signals are SIGHUP, to read the configuration again, and SIGUSR1, to end between two runs.
	Signals <-chan os.Signal
	// Notify tells the service manager; nil means systemd's own calls.
	Notify Notifier
	// WouldStart returns why the installed program would not start with this configuration; nil if it would. The daemon asks before it ends for a
	// restart.
	WouldStart func(ctx context.Context) error
	// ConfigPath and Version are for the log.
	ConfigPath, Version string
}

// Notifier is the service manager. Nothing depends on its answers.
type Notifier interface {
	Ready() error
	Reloading() error
	Stopping() error
	Status(line string) error
}

// serviceManager is systemd.
type serviceManager struct{}

func (serviceManager) Ready() error             { return systemd.Ready() }
func (serviceManager) Reloading() error         { return systemd.Reloading() }
func (serviceManager) Stopping() error          { return systemd.Stopping() }
func (serviceManager) Status(line string) error { return systemd.Status(line) }

// generation is everything that was made from one reading of the configuration. Only the loop of the generation in force runs.
type generation struct {
	*wire.Parts
	jobs     []schedule.Job
	services []Service
	beat     *heartbeat.Sender // nil if no heartbeat is configured
}

// daemon is the process, which runs one generation after the other.
type daemon struct {
	Options
	board     *board
	pulse     *pulse
	sightings *sightings
	metrics   *metrics.Metrics
	proofs    chan struct{}              // there may be new proofs in the stores
	inForce   atomic.Pointer[generation] // nil until the first one runs
}

// Run is the daemon. It returns when ctx ends, or when a restart was asked for and no run is under way. An error means that the configuration cannot
// be used or that something could not be closed.
func Run(ctx context.Context, o Options) error {
	if o.Notify == nil {
		o.Notify = serviceManager{}
	}
	d := &daemon{Options: o, pulse: newPulse(), sightings: newSightings(time.Now()), proofs: make(chan struct{}, 1)}
	d.board = &board{tell: o.Notify.Status, keep: d.sightings.status}
	g, err := d.prepare()
	if err != nil {
		return err
	}
	g.Log.Info("etcdward started", "version", o.Version, "cluster", g.Config.Cluster.Name, "config", o.ConfigPath)
	ctx, cancel := context.WithCancelCause(ctx)
	var watchdog sync.WaitGroup
	defer watchdog.Wait()
	defer cancel(nil)
	d.watchdog(ctx, &watchdog, g.Log)
	told(g.Log, o.Notify.Ready())
	if err := noteCluster(g.Config.Cluster.Name); err != nil {
		g.Log.Warn("name of the cluster not noted, a reload with another name will seem to succeed", "error", err)
	}
	recordAgent(g, o.Version)
	if err := d.start(ctx, g); err != nil {
		return errors.Join(err, g.Close())
	}
	for first := true; ; first = false {
		next, err := d.live(ctx, g, first)
		if next == nil {
			return err
		}
		g = next
		g.Log.Info("configuration reloaded", "config", o.ConfigPath)
	}
}

// prepare reads the configuration and makes everything that it asks for. What cannot be made is an error now, and not only when a
// job is due.
func (d *daemon) prepare() (*generation, error) {
	parts, err := d.Load()
	if err != nil {
		return nil, err
	}
	g := &generation{Parts: parts}
	if d.metrics == nil {
		d.metrics = metrics.New(parts.Config.Cluster.Name, d.Version, d.current) // the name stays: a reload with another one is refused
	}
	if err := d.furnish(g); err != nil {
		return nil, errors.Join(err, parts.Close())
	}
	return g, nil
}

// watchdog pings systemd for as long as the daemon does what it should.
func (d *daemon) watchdog(ctx context.Context, running *sync.WaitGroup, log *slog.Logger) {
	interval, err := systemd.WatchdogInterval()
	if err != nil {
		log.Warn("watchdog interval cannot be read", "error", err)
	}
	running.Go(func() {
		if err := systemd.Watch(ctx, interval, d.pulse.alive); err != nil {
			log.Warn("systemd not notified", "error", err)
		}
	})
}

// told logs that a message did not reach the service manager. Nothing depends on it.
func told(log *slog.Logger, err error) {
	if err != nil {
		log.Warn("systemd not notified", "error", err)
	}
}

// startLimit limits the time for the clean-up at the start.
const startLimit = 15 * time.Minute

// start removes what earlier processes left. A store that is away holds it up for a minute at most.
func (d *daemon) start(ctx context.Context, g *generation) error {
	d.pulse.begun("start", startLimit)
	defer d.pulse.ended("start")
	within, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	err := errors.Join(g.CleanUp(within), g.FinishRemovals(within))
	if err != nil && ctx.Err() != nil {
		return nil // it was told to stop, and live ends for the same reason
	}
	return err
}
