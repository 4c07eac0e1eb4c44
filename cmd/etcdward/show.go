package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/wire"
)

func showCommand(cli *cli) *cobra.Command {
	var sel wire.Selection
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one manifest and its proofs",
		Long:  "Shows the manifest of a snapshot, the stores that have it, and the proofs that were made since. ID may be latest.\n\nExit codes: 0; 4 no such snapshot.",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cli.show(cmd.Context(), args[0], sel)
		},
	}
	selectionFlags(cmd.Flags(), &sel)
	return cmd
}

func (cli *cli) show(ctx context.Context, ref string, sel wire.Selection) (err error) {
	h, found, done, err := cli.find(ctx, ref, sel)
	if err != nil {
		return err
	}
	defer done(&err)
	proofs, err := found.Store.Catalog.Proofs(ctx, found.Entry.ID)
	if err != nil {
		h.Log.Warn("proof cannot be read", "snapshot", found.Manifest.ID, "error", err)
	}
	selected, err := h.Select(sel)
	if err != nil {
		return err
	}
	holders, err := stores.Holders(ctx, selected, found.Entry.ID)
	if err != nil {
		h.Log.Warn("not known whether a store has it", "snapshot", found.Manifest.ID, "error", err)
	}
	return cli.printManifest(found.Manifest, proofs, holders)
}
