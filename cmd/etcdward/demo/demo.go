// Package demo shows the whole life of a backup on a throw-away cluster. It uses the agent's own code; only the cluster and its load are made for
// the demonstration.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/wire"
)

// Stores that a demonstration may use.
const (
	Directory = "directory"
	S3        = "s3"
)

// Options say how a demonstration runs.
type Options struct {
	// Out receives what is shown, Err the warnings of the agent.
	Out, Err io.Writer
	// Dir is the folder to work in, which must not exist; "" means a new one below $TMPDIR.
	Dir string
	// Store is Directory or S3.
	Store string
	// Keep leaves the cluster running until ctx ends.
	Keep bool
	// Version of this program.
	Version string
}

// demonstration is a demonstration under way.
type demonstration struct {
	Options
	cluster *members
	store   store
	parts   *wire.Parts
	step    int
}

// every is how often the snapshots of the demonstration are due. The configuration file would not allow less
// than a minute.
const every = 3 * time.Second

// Run shows the whole life of a backup, and stops everything that it started. An error means that a step did not do what it
// should.
func Run(ctx context.Context, o Options) (err error) {
	d := &demonstration{Options: o, store: store{kind: o.Store}}
	if err := d.prepare(); err != nil {
		return err
	}
	begun := time.Now()
	defer func() { err = errors.Join(err, d.close()) }()
	for _, act := range []func(context.Context) error{
		d.startCluster, d.fill, d.startStore, d.configure, d.firstSnapshot, d.onSchedule, d.damage, d.prune, d.maintain, d.fetch, d.status, d.restoreLast, d.drill,
	} {
		if err := act(ctx); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	d.farewell(time.Since(begun), o.Keep)
	if o.Keep {
		<-ctx.Done()
	}
	return nil
}

// prepare makes the folder.
func (d *demonstration) prepare() (err error) {
	if d.Dir == "" {
		d.Dir, err = os.MkdirTemp("", "etcdward-demo-")
	} else {
		d.Dir, err = filepath.Abs(d.Dir)
		if err == nil {
			err = os.Mkdir(d.Dir, 0o700)
		}
	}
	if err == nil {
		err = os.Mkdir(d.storePath(), 0o700)
	}
	if err == nil {
		err = os.Mkdir(d.statePath(), 0o700)
	}
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

func (d *demonstration) storePath() string  { return filepath.Join(d.Dir, "store") }
func (d *demonstration) statePath() string  { return filepath.Join(d.Dir, "state") }
func (d *demonstration) configPath() string { return filepath.Join(d.Dir, "config.yaml") }

// say heads a step; tell goes on in it.
func (d *demonstration) say(format string, args ...any) {
	d.step++
	fmt.Fprintf(d.Out, "\n%d. %s\n", d.step, fmt.Sprintf(format, args...))
}

func (d *demonstration) tell(format string, args ...any) {
	fmt.Fprintf(d.Out, "   %s\n", fmt.Sprintf(format, args...))
}

// startCluster boots three members and waits until they agree.
func (d *demonstration) startCluster(ctx context.Context) (err error) {
	d.say("A cluster to protect: three etcd members, each a process of its own on this host.")
	d.cluster, err = startMembers(ctx, filepath.Join(d.Dir, "members"))
	return err
}

// configure writes the configuration file and puts the agent together from it, as the daemon would.
func (d *demonstration) configure(ctx context.Context) error {
	d.say("The agent: one configuration file, %s.", d.configPath())
	text := d.cluster.config(d.store.config)
	if err := os.WriteFile(d.configPath(), []byte(text), 0o644); err != nil {
		return err
	}
	d.tell("snapshots from a follower, zstd, one store (%s), keep the last 2.", d.store.what)
	cfg, err := config.Load(d.configPath())
	if err != nil {
		return err
	}
	cfg.Log = config.Log{Level: "warn", Format: "text"}
	log := slog.New(slog.NewTextHandler(d.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if d.parts, err = wire.Open(cfg, wire.Options{StateDir: d.statePath(), Log: log, Version: d.Version}); err != nil {
		return err
	}
	return d.showMembers(ctx)
}

// close stops everything that the demonstration started.
func (d *demonstration) close() error {
	var errs error
	if d.parts != nil {
		errs = d.parts.Close()
	}
	if d.cluster != nil {
		errs = errors.Join(errs, d.cluster.stop())
	}
	return errors.Join(errs, d.store.stop())
}

func (d *demonstration) farewell(took time.Duration, keep bool) {
	d.say("Done, after %.0f seconds.", took.Seconds())
	d.tell("The snapshots lie in %s, as plain objects:", d.store.what)
	d.tell("each is a .db.zst that `zstd -d` and `etcdutl snapshot restore` understand without etcdward.")
	if d.store.kind == "s3" && !keep {
		d.tell("Its server has stopped; below %s the objects are files. Repeat with --keep to use the store yourself.", d.storePath())
		return
	}
	d.tell("Try next:")
	program := os.Args[0]
	d.tell("  %s list --config %s", program, d.configPath())
	d.tell("  %s verify latest --config %s --state-dir %s", program, d.configPath(), d.statePath())
	if keep {
		d.tell("  %s status --config %s --state-dir %s", program, d.configPath(), d.statePath())
		d.tell("The cluster runs until you press Ctrl-C.")
	}
}
