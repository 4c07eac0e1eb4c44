package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/restore"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
	"github.com/etcdward/etcdward/cmd/etcdward/verbs"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/spf13/cobra"
)

// defaultManifests is the folder of static pods that kubeadm sets up.
const defaultManifests = "/etc/kubernetes/manifests"

func restoreCommand(cli *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Bring a cluster back from a snapshot: plan, apply on each host, roll back",
		Long: "`restore plan` writes one file that every member uses; `restore apply` carries out one host's part of it;\n" +
			"`restore rollback` takes that back. docs/restore.md is the runbook.",
		Args: usage(verbs.Known),
		RunE: func(*cobra.Command, []string) error {
			return fault.Usage(errors.New("restore: plan, apply or rollback?"))
		},
	}
	cmd.AddCommand(restorePlanCommand(cli), restoreApplyCommand(cli), restoreRollbackCommand(cli))
	return cmd
}

// talk prints messages for people while something is done.
func (cli *cli) talk(format string, args ...any) {
	fmt.Fprintf(cli.err, format+"\n", args...)
}

// unconfirmed means that the operator did not type the expected answer, and that nothing was changed.
type unconfirmed struct{ cluster string }

func (u unconfirmed) Error() string {
	return fmt.Sprintf("not confirmed: the name of the cluster, %s, was not typed; nothing was changed", u.cluster)
}

// Hint implements hinter.
func (u unconfirmed) Hint() string {
	return "type " + u.cluster + " when asked, or repeat with --yes; --dry-run shows what would be done"
}

// confirmCluster asks for the cluster's name.
func (cli *cli) confirmCluster(cluster, what string) error {
	fmt.Fprintf(cli.err, "This %s. Type the name of the cluster (%s) to go on: ", what, cluster)
	line, err := bufio.NewReader(cli.in).ReadString('\n')
	if strings.TrimSpace(line) != cluster {
		return errors.Join(unconfirmed{cluster}, ignoreEnd(err))
	}
	return nil
}

// refusal is a restore that was not done because of damage. To a script that is a failure: exit code 3 is for verbs that look
// for damage.
type refusal struct{ text, hint string }

func (r refusal) Error() string { return r.text }

// Hint implements hinter.
func (r refusal) Hint() string { return r.hint }

// refused heads an error; nil stays nil.
func refused(verb string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("restore %s: %w", verb, err)
	if errors.Is(err, snapshot.ErrDamaged) {
		return refusal{err.Error(), hintFor(err)}
	}
	return err
}

func timeOrUnknown(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return terminal.Time(t)
}

// printOutcome prints the outcome, and what is left to do.
func (cli *cli) printOutcome(a *restore.Applier, o restore.Outcome) error {
	if cli.json() {
		return cli.printJSON(map[string]any{"plan_sha256": a.Plan.SHA256, "member": a.Member, "step": o.Step, "already": o.Already,
			"kept": o.Kept, "waiting": o.Waiting, "alarms": append([]string{}, o.Alarms...),
			"warnings": append([]string{}, o.Warnings...), "dry_run": a.DryRun})
	}
	_, err := fmt.Fprintln(cli.out, a.Report(o))
	return err
}

// ignoreEnd drops the error for the end of the input, which is expected.
func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
