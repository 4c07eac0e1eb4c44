package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/spf13/cobra"
)

// defaultManifests is the folder of static pods that kubeadm sets up.
const defaultManifests = "/etc/kubernetes/manifests"

func restoreCommand(inv *invocation) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Bring a cluster back from a snapshot: plan, apply on each host, roll back",
		Long: "`restore plan` writes one file that every member uses; `restore apply` carries out one host's part of it;\n" +
			"`restore rollback` takes that back. docs/restore.md is the runbook.",
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return fault.Usage(errors.New("restore: plan, apply or rollback?"))
		},
	}
	cmd.AddCommand(restorePlanCommand(inv), restoreApplyCommand(inv), restoreRollbackCommand(inv))
	return cmd
}

// talk is what goes to people while something is done.
func (inv *invocation) talk(format string, args ...any) {
	fmt.Fprintf(inv.err, format+"\n", args...)
}

// unconfirmed means that the operator did not type what was asked for. Nothing was changed.
type unconfirmed struct{ cluster string }

func (u unconfirmed) Error() string {
	return fmt.Sprintf("not confirmed: the name of the cluster, %s, was not typed; nothing was changed", u.cluster)
}

// Hint implements hinter.
func (u unconfirmed) Hint() string {
	return "type " + u.cluster + " when asked, or repeat with --yes; --dry-run shows what would be done"
}

// confirmCluster asks for the cluster's name.
func (inv *invocation) confirmCluster(cluster, what string) error {
	fmt.Fprintf(inv.err, "This %s. Type the name of the cluster (%s) to go on: ", what, cluster)
	line, err := bufio.NewReader(inv.in).ReadString('\n')
	if strings.TrimSpace(line) != cluster {
		return errors.Join(unconfirmed{cluster}, ignoreEnd(err))
	}
	return nil
}
