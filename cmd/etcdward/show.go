package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// proofRow is a later proof as it is shown.
type proofRow struct {
	At    time.Time      `json:"at"`
	Check snapshot.Check `json:"check"`
	Tool  string         `json:"tool"`
}

func showCommand(inv *invocation) *cobra.Command {
	var sel selection
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one manifest and its proofs",
		Long:  "Shows the manifest of a snapshot, the stores that have it, and the proofs that were made since. ID may be latest.\n\nExit codes: 0; 4 no such snapshot.",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return inv.show(cmd.Context(), args[0], sel)
		},
	}
	sel.flags(cmd.Flags())
	return cmd
}

func (inv *invocation) show(ctx context.Context, ref string, sel selection) (err error) {
	h, found, err := inv.find(ctx, ref, sel)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	proofs, err := found.Store.Catalog.Proofs(ctx, found.Entry.ID)
	if err != nil {
		h.log.Warn("proof cannot be read", "snapshot", found.Manifest.ID, "error", err)
	}
	rows := make([]proofRow, len(proofs))
	for i, p := range proofs {
		rows[i] = proofRow{p.At, p.Check, p.Tool}
	}
	stores, err := h.selected(sel)
	if err != nil {
		return err
	}
	holders, err := agent.Holders(ctx, stores, found.Entry.ID)
	if err != nil {
		h.log.Warn("not known whether a store has it", "snapshot", found.Manifest.ID, "error", err)
	}
	return inv.printManifest(found.Manifest, rows, holders)
}

// find builds the house and looks a snapshot up in it. The caller closes the house.
func (inv *invocation) find(ctx context.Context, ref string, sel selection) (*house, agent.Found, error) {
	h, err := inv.build()
	if err != nil {
		return nil, agent.Found{}, err
	}
	stores, err := h.selected(sel)
	if err == nil {
		var found agent.Found
		if found, err = agent.Find(ctx, stores, ref); err == nil {
			return h, found, nil
		}
	}
	return nil, agent.Found{}, errors.Join(err, h.Close())
}
