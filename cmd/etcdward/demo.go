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
	var dir string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole life of a backup on a throw-away cluster, in about a minute",
		Long: "Starts an etcd cluster of three members on this host's loopback, fills it with what Kubernetes would write, and lets\n" +
			"the agent do its work on it: with its own code, a configuration file, and a directory as store.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return inv.demo(cmd.Context(), dir, keep) },
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the cluster running until interrupted")
	cmd.Flags().StringVar(&dir, "dir", "", "work in this folder, which must not exist (default: a new one below $TMPDIR)")
	return cmd
}

// demo is one demonstration.
type demo struct {
	inv     *invocation
	dir     string
	cluster *demoCluster
	house   *house
	step    int
}

// demoSchedule is how often the demonstration's snapshots are due. The configuration file allows no less than a minute.
const demoSchedule = 3 * time.Second

func (inv *invocation) demo(ctx context.Context, dir string, keep bool) (err error) {
	d := &demo{inv: inv, dir: dir}
	if err := d.prepare(); err != nil {
		return err
	}
	begun := time.Now()
	defer func() { err = errors.Join(err, d.close()) }()
	for _, act := range []func(context.Context) error{
		d.startCluster, d.fill, d.configure, d.firstSnapshot, d.onSchedule, d.damage, d.prune, d.fetch, d.status,
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
	text := d.cluster.config(d.storePath())
	if err := os.WriteFile(d.configPath(), []byte(text), 0o644); err != nil {
		return err
	}
	d.tell("snapshots from a follower, zstd, one store (a directory), keep the last 2.")
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
	return errs
}

func (d *demo) farewell(took time.Duration, keep bool) {
	d.say("Done, after %.0f seconds.", took.Seconds())
	d.tell("The snapshots lie in %s, as plain files:", d.storePath())
	d.tell("each is a .db.zst that `zstd -d` and `etcdutl snapshot restore` understand without etcdward.")
	d.tell("Try next:")
	d.tell("  etcdward list --config %s", d.configPath())
	d.tell("  etcdward verify latest --config %s --state-dir %s", d.configPath(), d.statePath())
	if keep {
		d.tell("  etcdward status --config %s --state-dir %s", d.configPath(), d.statePath())
		d.tell("The cluster runs until you press Ctrl-C.")
	}
}
