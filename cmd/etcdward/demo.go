package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent/config"
)

func demoCommand(inv *invocation) *cobra.Command {
	var keep bool
	var dir, kind string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole life of a backup on a throw-away cluster, in about a minute",
		Long: "Starts an etcd cluster of three members on this host's loopback, fills it with what Kubernetes would write, and lets\n" +
			"the agent do its work on it: with its own code, a configuration file, and a directory as store.\n" +
			"With --store s3 the store is an S3 server, versitygw, which it finds in $PATH and starts on loopback.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return inv.demo(cmd.Context(), dir, kind, keep) },
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the cluster running until interrupted")
	cmd.Flags().StringVar(&dir, "dir", "", "work in this folder, which must not exist (default: a new one below $TMPDIR)")
	cmd.Flags().StringVar(&kind, "store", "directory", "directory or s3")
	return cmd
}

// demo is one demonstration.
type demo struct {
	inv     *invocation
	dir     string
	cluster *demoCluster
	store   demoStore
	house   *house
	step    int
}

// demoSchedule is how often the demonstration's snapshots are due. The configuration file allows no less than a minute.
const demoSchedule = 3 * time.Second

func (inv *invocation) demo(ctx context.Context, dir, kind string, keep bool) (err error) {
	if kind != "directory" && kind != "s3" {
		return &usageError{fmt.Errorf("flag --store: %q is neither directory nor s3", kind)}
	}
	d := &demo{inv: inv, dir: dir, store: demoStore{kind: kind}}
	if err := d.prepare(); err != nil {
		return err
	}
	begun := time.Now()
	defer func() { err = errors.Join(err, d.close()) }()
	for _, act := range []func(context.Context) error{
		d.startCluster, d.fill, d.startStore, d.configure, d.firstSnapshot, d.onSchedule, d.damage, d.prune, d.maintain, d.fetch, d.status, d.restoreLast,
	} {
		if err := act(ctx); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	d.farewell(time.Since(begun), keep)
	if keep {
		<-ctx.Done()
	}
	return nil
}

// prepare makes the folder.
func (d *demo) prepare() (err error) {
	if d.dir == "" {
		d.dir, err = os.MkdirTemp("", "etcdward-demo-")
	} else {
		d.dir, err = filepath.Abs(d.dir)
		if err == nil {
			err = os.Mkdir(d.dir, 0o700)
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

func (d *demo) storePath() string  { return filepath.Join(d.dir, "store") }
func (d *demo) statePath() string  { return filepath.Join(d.dir, "state") }
func (d *demo) configPath() string { return filepath.Join(d.dir, "config.yaml") }

// say heads a step; tell goes on in it.
func (d *demo) say(format string, args ...any) {
	d.step++
	fmt.Fprintf(d.inv.out, "\n%d. %s\n", d.step, fmt.Sprintf(format, args...))
}

func (d *demo) tell(format string, args ...any) {
	fmt.Fprintf(d.inv.out, "   %s\n", fmt.Sprintf(format, args...))
}

// startCluster boots three members and waits until they agree.
func (d *demo) startCluster(ctx context.Context) (err error) {
	d.say("A cluster to protect: three etcd members, each a process of its own on this host.")
	d.cluster, err = startDemoCluster(ctx, filepath.Join(d.dir, "members"))
	return err
}

// configure writes the configuration file and puts the agent together from it, as the daemon would.
func (d *demo) configure(ctx context.Context) error {
	d.say("The agent: one configuration file, %s.", d.configPath())
	text := d.cluster.config(d.store.config)
	if err := os.WriteFile(d.configPath(), []byte(text), 0o644); err != nil {
		return err
	}
	d.tell("snapshots from a follower, zstd, one store (%s), keep the last 2.", d.store.what)
	inner := *d.inv
	inner.config, inner.stateDir, inner.quiet = d.configPath(), d.statePath(), true
	house, err := inner.build()
	if err != nil {
		return err
	}
	d.house = house
	house.config.Log = config.Log{Level: "warn", Format: "text"}
	if house.log, err = newLogger(d.inv.err, house.config.Log); err != nil {
		return err
	}
	return d.showMembers(ctx)
}

// close stops everything that the demonstration started.
func (d *demo) close() error {
	var errs error
	if d.house != nil {
		errs = d.house.Close()
	}
	if d.cluster != nil {
		errs = errors.Join(errs, d.cluster.stop())
	}
	return errors.Join(errs, d.store.stop())
}

func (d *demo) farewell(took time.Duration, keep bool) {
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
