package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

func drillCommand(cli *cli) *cobra.Command {
	var identity string
	var sel wire.Selection
	cmd := &cobra.Command{
		Use:   "drill [ID | latest]",
		Short: "Rehearse a restore: boot an etcd on a stored snapshot and compare",
		Long: "Takes a snapshot (the latest one by default) out of its store, restores it into a scratch directory, boots an etcd on it, reads every\n" +
			"key, and compares keys and HashKV with what the cluster held. Then everything is removed again. What was found is stored beside the\n" +
			"snapshot as a proof of level 5, with the time that it took: the measured time to restore on this host. The cluster is not touched.\n\n" +
			"Exit codes: 0 proven; 3 an etcd does not boot on it, or holds something else; 4 no such snapshot; 1 it could not be rehearsed.",
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref := stores.Latest
			if len(args) > 0 {
				ref = args[0]
			}
			return cli.drill(cmd.Context(), ref, identity, sel)
		},
	}
	cmd.Flags().StringVar(&identity, "identity", "", "age identity file, for encrypted snapshots")
	selectionFlags(cmd.Flags(), &sel)
	return cmd
}

func (cli *cli) drill(ctx context.Context, ref, identity string, sel wire.Selection) (err error) {
	keys, err := identities(identity)
	if err != nil {
		return err
	}
	h, found, done, err := cli.find(ctx, ref, sel)
	if err != nil {
		return err
	}
	defer done(&err)
	job, err := h.Driller(keys)
	if err != nil {
		return err
	}
	out, err := job.Run(ctx, found)
	if err != nil {
		return err
	}
	if cli.json() {
		err = cli.printJSON(out)
	} else {
		err = terminal.Fields(cli.out, out.Rows()...)
	}
	return errors.Join(err, fault.Reported(out.Err()))
}
