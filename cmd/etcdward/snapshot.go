package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/round"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
	"github.com/etcdward/etcdward/cmd/etcdward/view"
)

func snapshotCommand(cli *cli) *cobra.Command {
	var accept bool
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Take, verify and store one snapshot now",
		Long: "Takes a snapshot from a follower, verifies it and stores it in every store. What a store cannot take waits in the\n" +
			"spool and is delivered with the next run.\n\n" +
			"Exit codes: 0 every store has it; 1 no store has it; 3 some stores have it.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cli.snapshot(cmd.Context(), accept) },
	}
	cmd.Flags().BoolVar(&accept, "accept-new-cluster", false, "let the stores take backups of an etcd cluster id that they have not seen under this name")
	return cmd
}

func (cli *cli) snapshot(ctx context.Context, accept bool) (err error) {
	h, done, err := cli.parts()
	if err != nil {
		return err
	}
	defer done(&err)
	if err := h.CleanUp(ctx); err != nil {
		return err
	}
	job, err := h.Round(accept)
	if err != nil {
		return err
	}
	taken, err := job.Run(ctx, round.Options{ByHand: true, KeepAll: true})
	if err != nil && len(taken.Stored) == 0 {
		return err
	}
	err = errors.Join(err, cli.printManifest(taken.Manifest, nil, taken.Stored))
	return errors.Join(err, tidyStores(ctx, h, taken.Stored))
}

// tidyStores removes what earlier processes of this host left in stores. That comes after the work, and only where a store has just shown that it answers.
func tidyStores(ctx context.Context, h *wire.Parts, names []string) error {
	if len(names) == 0 {
		return nil
	}
	h.SweepStores(ctx, names...)
	return h.FinishRemovals(ctx, names...)
}

// printManifest shows one snapshot: its manifest, and what else is known about it.
func (cli *cli) printManifest(m snapshot.Manifest, proofs []catalog.Proof, stores []string) error {
	if cli.json() {
		return cli.printJSON(struct {
			snapshot.Manifest
			Stores []string        `json:"stores,omitempty"`
			Proofs []catalog.Proof `json:"proofs,omitempty"`
		}{m, stores, proofs})
	}
	marks := m.Member.Role
	if m.Emergency {
		marks += ", emergency: no quorum was seen"
	}
	pairs := [][2]string{
		{"Snapshot", m.ID},
		{"Cluster", fmt.Sprintf("%s (etcd cluster %s)", m.Cluster.Name, m.Cluster.ID)},
		{"Taken", fmt.Sprintf("%s in %.1f s", terminal.Time(m.TakenAt), m.TookSeconds)},
		{"From", fmt.Sprintf("%s (%s), etcd %s: %s", m.Member.Name, marks, m.Member.Version, m.Member.Reason)},
		{"Revision", fmt.Sprintf("%d, %s", m.Revision, etcd.Compacted(m.CompactRevision))},
		{"Keys", fmt.Sprint(m.TotalKeys)},
		{"Size", fmt.Sprintf("%s (%d bytes)", terminal.Bytes(m.SizeBytes), m.SizeBytes)},
		{"SHA-256", m.SHA256},
		{"Status hash", m.StatusHash},
	}
	for _, c := range m.Checks {
		pairs = append(pairs, [2]string{"Check " + c.Name, terminal.OK(c.OK, c.Detail)})
	}
	pairs = append(pairs, view.Undecided(m.Inconclusive, m.OddMembers)...)
	if len(stores) == 0 {
		stores = []string{"none has its data"}
	}
	pairs = append(pairs, [2]string{"Object", fmt.Sprintf("%s (%s)", m.Object.Key, terminal.Bytes(m.Object.SizeBytes))},
		[2]string{"Stores", strings.Join(stores, ", ")}, [2]string{"By hand", m.Restore})
	for _, p := range proofs {
		pairs = append(pairs, [2]string{"Proof", fmt.Sprintf("%s %s: %s", terminal.Time(p.At), p.Check.Name, terminal.OK(p.Check.OK, p.Check.Detail))})
	}
	return terminal.Fields(cli.out, pairs...)
}
