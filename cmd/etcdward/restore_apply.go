package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/fetch"
	"github.com/etcdward/etcdward/agent/restore"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

// applyRequest is what the flags of restore apply and rollback say.
type applyRequest struct {
	plan, member, dataDir, manifests string
	kubeadm, yes, dryRun             bool
	identity, file, etcdVersion      string
	wait                             time.Duration
}

// flags are those that apply and rollback share.
func (r *applyRequest) flags(f *pflag.FlagSet) {
	f.StringVar(&r.member, "member", "", "which member of the plan this host is (default with --kubeadm: as its manifest says)")
	f.StringVar(&r.dataDir, "data-dir", "", "etcd's data directory on this host (default: as the plan says)")
	f.BoolVar(&r.kubeadm, "kubeadm", false, "stop and start the static pods of this control-plane host")
	f.StringVar(&r.manifests, "manifests", defaultManifests, "folder of kubeadm's static pods")
	f.BoolVar(&r.yes, "yes", false, "do not ask for the cluster's name")
	f.BoolVar(&r.dryRun, "dry-run", false, "make every check, show each step, change nothing")
}

// check holds what the flags say to what an apply can do.
func (r *applyRequest) check(f *pflag.FlagSet) error {
	if f.Changed("wait") && (!r.kubeadm || r.wait < 0) {
		return fault.Usage(errors.New("flag --wait: it takes --kubeadm, and a time that is not negative"))
	}
	if f.Changed("etcd-version") {
		version, err := restore.ParseEtcdVersion(r.etcdVersion)
		if err != nil {
			return fault.Usage(fmt.Errorf("flag --etcd-version: %w", err))
		}
		r.etcdVersion = version
	}
	return nil
}

// lingering is ctx for a verb that stops a control plane: a terminal that is gone ends it as Ctrl-C does, by going back, and a reader
// of its output that is gone does not end it at all.
func lingering(ctx context.Context) (lingers context.Context, stop func()) {
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(ctx)
	hung := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup, which is asked for to go on
		signal.Notify(hung, syscall.SIGHUP)
	}
	go func() {
		select {
		case <-hung:
			cancel(hangup{})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(hung)
		signal.Reset(syscall.SIGPIPE)
		cancel(nil)
	}
}

// hangup means that the terminal is gone. To the caller that is the interruption which it is to Ctrl-C.
type hangup struct{}

func (hangup) Error() string { return "interrupted: the terminal is gone" }

// hungUp says so of an error that came of it.
func hungUp(ctx context.Context, err error) error {
	var gone hangup
	if errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &gone) && !errors.As(err, &gone) {
		return fmt.Errorf("%w: %w", gone, err)
	}
	return err
}

// Is makes it a cancellation.
func (hangup) Is(target error) bool { return target == context.Canceled }

func restoreApplyCommand(inv *invocation) *cobra.Command {
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
		RunE: func(cmd *cobra.Command, args []string) error {
			r.plan = args[0]
			if err := r.check(cmd.Flags()); err != nil {
				return err
			}
			ctx, stop := lingering(cmd.Context())
			defer stop()
			return hungUp(ctx, inv.restoreApply(ctx, r))
		},
	}
	r.flags(cmd.Flags())
	cmd.Flags().StringVar(&r.identity, "identity", "", "age identity file, for encrypted snapshots")
	cmd.Flags().StringVar(&r.file, "file", "", "take this plain snapshot file; no configuration is needed")
	cmd.Flags().StringVar(&r.etcdVersion, "etcd-version", "", "the etcd that will run here, such as 3.6.16 (default: asked of the manifest, or of etcd on the path)")
	cmd.Flags().DurationVar(&r.wait, "wait", 30*time.Second, "with --kubeadm: how long to wait for a quorum once etcd runs")
	return cmd
}

func (inv *invocation) restoreApply(ctx context.Context, r applyRequest) error {
	a, err := inv.applier(ctx, r)
	if err != nil {
		return refused("apply", err)
	}
	a.HealthLimit = r.wait
	show, done := inv.newProgress()
	defer done()
	a.Progress = show
	a.Tell = func(format string, args ...any) {
		done() // the bar makes way
		inv.talk(format, args...)
	}
	fetched := inv.fetchedPath(a.Plan)
	a.Fetch = func(ctx context.Context) (string, error) {
		if path := cmp.Or(r.file, a.Plan.Snapshot.File); path != "" {
			return path, nil
		}
		return fetched, inv.fetchForRestore(ctx, a.Plan, fetched, r.identity)
	}
	a.Confirm = func() error {
		if r.yes {
			return nil
		}
		return inv.confirmCluster(a.Plan.Cluster, "makes this host member "+a.Member+", and replaces what its etcd holds by a snapshot of "+timeOrUnknown(a.Plan.Snapshot.TakenAt))
	}
	outcome, err := a.Run(ctx)
	// It holds every Secret of the cluster. Only a run that was killed leaves it, for the next.
	if unfetched := os.Remove(fetched); unfetched != nil && !errors.Is(unfetched, fs.ErrNotExist) {
		err = errors.Join(err, unfetched)
	}
	if err != nil {
		return refused("apply", err)
	}
	return inv.printOutcome(a, outcome, r.dryRun)
}

// fetchedPath is where the plan's snapshot lies while it is used.
func (inv *invocation) fetchedPath(p restore.Plan) string {
	return filepath.Join(inv.stateDir, "restore", p.Snapshot.SHA256+".db")
}

// refusal is a restore that was not done because of damage. To a script that is a failure: exit code 3 is for verbs that look
// for damage.
type refusal struct {
	text string
	hint string
}

func (r refusal) Error() string { return r.text }

// Hint implements hinter.
func (r refusal) Hint() string { return r.hint }

// refused heads an error.
func refused(verb string, err error) error {
	err = fmt.Errorf("restore %s: %w", verb, err)
	if errors.Is(err, snapshot.ErrDamaged) {
		return refusal{err.Error(), hintFor(err)}
	}
	return err
}

// applier reads the plan, and what this host is.
func (inv *invocation) applier(ctx context.Context, r applyRequest) (*restore.Applier, error) {
	if r.kubeadm && r.dataDir != "" {
		return nil, fault.Usage(errors.New("--kubeadm reads the data directory from the manifest: give it or --data-dir, not both"))
	}
	plan, err := restore.Load(r.plan)
	if err != nil {
		return nil, err
	}
	a := &restore.Applier{Plan: plan, Member: r.member, DataDir: r.dataDir, DryRun: r.dryRun, Tell: inv.talk, EtcdVersion: r.etcdVersion}
	if r.kubeadm {
		host, err := restore.ReadHost(r.manifests, restore.AsideOf(r.manifests, plan))
		if err != nil {
			return nil, err
		}
		a.Host = &host
		a.Member, a.EtcdVersion = cmp.Or(a.Member, host.Name), cmp.Or(a.EtcdVersion, host.EtcdVersion)
	}
	if a.Member == "" {
		return nil, fault.Usage(errors.New("--member NAME is needed"))
	}
	if a.EtcdVersion == "" {
		if a.EtcdVersion, err = restore.InstalledEtcd(ctx); err != nil {
			inv.talk("%v", err) // it is not what stands between a cluster and its restore
		}
	}
	inv.talk("Plan %s, SHA-256 %s", r.plan, plan.SHA256)
	if a.EtcdVersion == "" && plan.Snapshot.Needs() != "" {
		inv.talk("No etcd was found on this host to compare versions with: start %s or newer on it, never an older one (--etcd-version checks that).", plan.Snapshot.Needs())
	}
	return a, nil
}

// fetchForRestore brings the plan's snapshot from whichever store has it, the plan's own first, into a file that later runs use
// again.
func (inv *invocation) fetchForRestore(ctx context.Context, plan restore.Plan, path, identity string) (err error) {
	if _, err := plan.CheckFile(ctx, path); err == nil {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	keys, err := identities(identity)
	if err != nil {
		return err
	}
	h, done, err := inv.parts()
	if err != nil {
		return err
	}
	defer done(&err)
	area, err := staging.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	if _, err := area.SweepPrefix(ctx, "."); err != nil {
		return err
	}
	sel := wire.Selection{}
	if at := plan.Snapshot.At; !at.IsZero() {
		sel.At = at.Format(time.RFC3339Nano)
	}
	selected, err := h.Select(sel)
	if err != nil {
		return err
	}
	selected = slices.Clone(selected)
	slices.SortStableFunc(selected, func(x, y stores.Store) int {
		return boolOrder(y.Name == plan.Snapshot.Store) - boolOrder(x.Name == plan.Snapshot.Store)
	})
	job := fetch.Fetcher{Identities: keys, Progress: h.Progress}
	var failed, absent error
	for _, store := range selected {
		err := fetchFrom(ctx, store, plan, job, path)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return err
		case errors.Is(err, catalog.ErrNotFound):
			absent = err
		default:
			failed = errors.Join(failed, fmt.Errorf("store %s: %w", store.Name, err))
			inv.talk("Store %s did not give it: %v", store.Name, err)
		}
	}
	return cmp.Or(failed, absent)
}

// fetchFrom brings the plan's snapshot from one store.
func fetchFrom(ctx context.Context, store stores.Store, plan restore.Plan, job fetch.Fetcher, path string) error {
	found, err := stores.Find(ctx, []stores.Store{store}, plan.Snapshot.ID)
	if err != nil {
		return err
	}
	if found.Manifest.SHA256 != plan.Snapshot.SHA256 {
		return fmt.Errorf("snapshot %s has SHA-256 %s, and the plan has %s: it is another one; make a new plan", plan.Snapshot.ID,
			found.Manifest.SHA256, plan.Snapshot.SHA256)
	}
	return job.Run(ctx, found, path)
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

func timeOrUnknown(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return terminal.Time(t)
}

// printOutcome says what came of it, and what is left to do.
func (inv *invocation) printOutcome(a *restore.Applier, o restore.Outcome, dryRun bool) error {
	if inv.json() {
		return inv.printJSON(map[string]any{"plan_sha256": a.Plan.SHA256, "member": a.Member, "step": o.Step, "already": o.Already,
			"kept": o.Kept, "waiting": o.Waiting, "alarms": append([]string{}, o.Alarms...), "dry_run": dryRun})
	}
	var text string
	switch {
	case dryRun && !o.Already:
		text = "Dry run: nothing was changed."
	case o.Already && o.Step == restore.StepDone:
		text = fmt.Sprintf("Member %s was restored with this plan already; nothing to do.", a.Member)
	case o.Already:
		text = fmt.Sprintf("Nothing of this plan is in place on this host for member %s; nothing to do.", a.Member)
	case o.Step == restore.StepRolledBack:
		text = fmt.Sprintf("Member %s is as it was before.", a.Member)
		if o.Kept != "" {
			text += " What had been restored is kept as " + o.Kept + "."
		}
	case o.Waiting:
		text = fmt.Sprintf("Member %s is restored and runs; it waits for a quorum. Go on with the other hosts.", a.Member)
	case a.Host != nil:
		text = fmt.Sprintf("Member %s is restored and runs. Once all are: restart the kubelets, and operators with informers.", a.Member)
	default:
		text = fmt.Sprintf("Member %s is restored. Once all hosts are: systemctl start etcd (rke2-server, k3s) on each.", a.Member)
	}
	if len(o.Alarms) > 0 {
		text += "\nWARNING: " + restore.AlarmsText(o.Alarms) + "."
	}
	_, err := fmt.Fprintln(inv.out, text)
	return err
}
