package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

func restoreRollbackCommand(inv *invocation) *cobra.Command {
	var r applyRequest
	cmd := &cobra.Command{
		Use:   "rollback PLAN --member NAME [--kubeadm | --data-dir DIR]",
		Short: "Put back the data directory that restore apply replaced",
		Long: "Undoes restore apply on this host, or what is left of one that was killed: the directory and the manifests are as they were. What had\n" +
			"been restored, and may have been written to since, is kept under another name.\n\n" +
			"Exit codes: 0 done, or there was nothing to undo; 1 failed, and another rollback tries again.",
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.plan = args[0]
			if err := r.check(cmd.Flags()); err != nil {
				return err
			}
			ctx, stop := lingering(cmd.Context())
			defer stop()
			return hungUp(ctx, inv.restoreRollback(ctx, r))
		},
	}
	r.flags(cmd.Flags())
	return cmd
}

func (inv *invocation) restoreRollback(ctx context.Context, r applyRequest) error {
	a, err := inv.applier(ctx, r)
	if err != nil {
		return refused("rollback", err)
	}
	a.Confirm = func() error {
		if r.yes {
			return nil
		}
		return inv.confirmCluster(a.Plan.Cluster, "takes the restored directory away and puts the old one back")
	}
	outcome, err := a.Rollback(ctx)
	if err == nil && !r.dryRun {
		err = os.Remove(inv.fetchedPath(a.Plan)) // of an apply that was killed
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		return refused("rollback", err)
	}
	return inv.printOutcome(a, outcome, r.dryRun)
}
