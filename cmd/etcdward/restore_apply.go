package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/fetch"
	"github.com/etcdward/etcdward/agent/restore"
	restoreplan "github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/restore/source"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/signals"
)

// applyRequest is what the flags of restore apply and rollback say.
type applyRequest struct {
	restore.Request
	yes            bool
	identity, file string
	wait           time.Duration
}

// flags are those that apply and rollback share.
func (r *applyRequest) flags(f *pflag.FlagSet) {
	f.StringVar(&r.Member, "member", "", "which member of the plan this host is (default with --kubeadm: as its manifest says)")
	f.StringVar(&r.DataDir, "data-dir", "", "etcd's data directory on this host (default: as the plan says)")
	f.BoolVar(&r.Kubeadm, "kubeadm", false, "stop and start the static pods of this control-plane host")
	f.StringVar(&r.Manifests, "manifests", defaultManifests, "folder of kubeadm's static pods")
	f.BoolVar(&r.yes, "yes", false, "do not ask for the cluster's name")
	f.BoolVar(&r.DryRun, "dry-run", false, "make every check, show each step, change nothing")
}

// check holds what the flags say to what an apply can do.
func (r *applyRequest) check(f *pflag.FlagSet) error {
	if f.Changed("wait") && (!r.Kubeadm || r.wait < 0) {
		return fault.Usage(errors.New("flag --wait: it takes --kubeadm, and a time that is not negative"))
	}
	if f.Changed("etcd-version") {
		version, err := restoreplan.ParseEtcdVersion(r.EtcdVersion)
		if err != nil {
			return fault.Usage(fmt.Errorf("flag --etcd-version: %w", err))
		}
		r.EtcdVersion = version
	}
	return nil
}

// runE carries out what the flags say on the plan that is the argument.
func (r *applyRequest) runE(carryOut func(context.Context, applyRequest) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		r.PlanFile = args[0]
		if err := r.check(cmd.Flags()); err != nil {
			return err
		}
		ctx, stop := signals.SurvivingHangup(cmd.Context())
		defer stop()
		return signals.Name(ctx, carryOut(ctx, *r))
	}
}

func restoreApplyCommand(cli *cli) *cobra.Command {
	var r applyRequest
	cmd := &cobra.Command{
		Use:   "apply PLAN --member NAME [--kubeadm | --data-dir DIR]",
		Short: "Carry out one host's part of a plan",
		Long: "Checks everything first, restores into a new directory beside the old one, boots an etcd on a copy of it and compares every\n" +
			"key, and only then switches by rename. The old directory is kept. Killed or interrupted, run it again: it goes on from where it\n" +
			"was, or use restore rollback. Needs root, the configuration, and read access to the store (or --file).\n\n" +
			"Exit codes: 0 done; 1 refused or failed, and the host is as it was, or the error says what to do; 4 no such snapshot; 130 interrupted,\n" +
			"likewise.",
		Args: usage(cobra.ExactArgs(1)),
		RunE: r.runE(cli.restoreApply),
	}
	r.flags(cmd.Flags())
	cmd.Flags().StringVar(&r.identity, "identity", "", "age identity file, for encrypted snapshots")
	cmd.Flags().StringVar(&r.file, "file", "", "take this plain snapshot file; no configuration is needed")
	cmd.Flags().StringVar(&r.EtcdVersion, "etcd-version", "", "the etcd that will run here, such as 3.6.16 (default: asked of the manifest, or of etcd on the path)")
	cmd.Flags().DurationVar(&r.wait, "wait", 30*time.Second, "with --kubeadm: how long to wait for a quorum once etcd runs")
	return cmd
}

func (cli *cli) restoreApply(ctx context.Context, r applyRequest) error {
	show, done := cli.newProgress()
	defer done()
	r.Tell = func(format string, args ...any) {
		done() // the bar makes way
		cli.talk(format, args...)
	}
	a, err := restore.Open(ctx, r.Request)
	if err != nil {
		return refused("apply", err)
	}
	fetcher := cli.restoreFetcher(r.identity)
	a.HealthLimit, a.Progress = r.wait, show
	a.Fetch = func(ctx context.Context) (string, error) {
		if path := cmp.Or(r.file, a.Plan.Snapshot.File); path != "" {
			return path, nil
		}
		return fetcher.Run(ctx, a.Plan)
	}
	a.Confirm = cli.confirmation(r, a, "makes this host member "+a.Member+", and replaces what its etcd holds by a snapshot of "+timeOrUnknown(a.Plan.Snapshot.TakenAt))
	outcome, err := a.Run(ctx)
	if err = errors.Join(err, fetcher.Discard(a.Plan)); err != nil {
		return refused("apply", err)
	}
	return cli.printOutcome(a, outcome)
}

// confirmation asks for the cluster's name, unless --yes answers.
func (cli *cli) confirmation(r applyRequest, a *restore.Applier, what string) func() error {
	return func() error {
		if r.yes {
			return nil
		}
		return cli.confirmCluster(a.Plan.Cluster, what)
	}
}

// restoreFetcher brings a plan's snapshot from the stores of the configuration.
func (cli *cli) restoreFetcher(identity string) source.Fetcher {
	return source.Fetcher{Folder: filepath.Join(cli.stateDir, "restore"), Tell: cli.talk,
		Open: func(from restoreplan.Source) (selected []stores.Store, job fetch.Fetcher, close func() error, err error) {
			keys, err := identities(identity)
			if err != nil {
				return nil, job, nil, err
			}
			h, done, err := cli.parts()
			if err != nil {
				return nil, job, nil, err
			}
			sel := wire.Selection{}
			if !from.At.IsZero() {
				sel.At = from.At.Format(time.RFC3339Nano)
			}
			if selected, err = h.Select(sel); err != nil {
				done(&err)
				return nil, job, nil, err
			}
			return selected, fetch.Fetcher{Identities: keys, Progress: h.Progress}, func() (err error) { done(&err); return err }, nil
		}}
}
