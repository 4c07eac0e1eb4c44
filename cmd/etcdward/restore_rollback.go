package main

import (
	"context"

	"github.com/etcdward/etcdward/agent/restore"

	"github.com/spf13/cobra"
)

func restoreRollbackCommand(cli *cli) *cobra.Command {
	var r applyRequest
	cmd := &cobra.Command{
		Use:   "rollback PLAN --member NAME [--kubeadm | --data-dir DIR]",
		Short: "Put back the data directory that restore apply replaced",
		Long: "Undoes restore apply on this host, or what is left of one that was killed: the directory and the manifests are as they were. What had\n" +
			"been restored, and may have been written to since, is kept under another name.\n\n" +
			"Exit codes: 0 done, or there was nothing to undo; 1 failed, and another rollback tries again.",
		Args: usage(cobra.ExactArgs(1)),
		RunE: r.runE(cli.restoreRollback),
	}
	r.flags(cmd.Flags())
	return cmd
}

func (cli *cli) restoreRollback(ctx context.Context, r applyRequest) error {
	r.Tell = cli.talk
	a, err := restore.Open(ctx, r.Request)
	if err != nil {
		return refused("rollback", err)
	}
	a.Confirm = cli.confirmation(r, a, "takes the restored directory away and puts the old one back")
	outcome, err := a.Rollback(ctx)
	if err == nil && !r.DryRun {
		err = cli.restoreFetcher("").Discard(a.Plan) // an apply that was killed may have left it
	}
	if err != nil {
		return refused("rollback", err)
	}
	return cli.printOutcome(a, outcome)
}
