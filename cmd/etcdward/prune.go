package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/prune"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

func pruneCommand(cli *cli) *cobra.Command {
	var confirm, dry bool
	var store string
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Show what retention would remove and why; remove it with --confirm",
		Long: "Judges every snapshot by the retention of its store. Nothing is removed without --confirm, nothing but snapshots of this\n" +
			"cluster ever, and never the newest proven one. A store that belongs to another etcd cluster than the one that answers\n" +
			"is left alone; if none answers, the store's own cluster.json decides what belongs to it.\n\n" +
			"Exit codes: 0; 3 held back, or the store refused to remove something.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dry && confirm {
				return fault.Usage(errors.New("prune: give --dry-run, which is what happens without --confirm, or --confirm, not both"))
			}
			return cli.prune(cmd.Context(), store, confirm)
		},
	}
	cmd.Flags().BoolVar(&confirm, "confirm", false, "remove what the plan names")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "remove nothing, as without --confirm")
	cmd.Flags().StringVar(&store, "store", "", "this store only")
	return cmd
}

func (cli *cli) prune(ctx context.Context, only string, confirm bool) (err error) {
	h, done, err := cli.parts()
	if err != nil {
		return err
	}
	defer done(&err)
	stores, err := h.Select(wire.Selection{Store: only})
	if err != nil {
		return err
	}
	if confirm {
		if err := errors.Join(h.CleanUp(ctx), h.FinishRemovals(ctx)); err != nil {
			return err
		}
		h.SweepStores(ctx)
	}
	live := h.LiveID(ctx)
	var failed error
	results := []prune.Report{}
	for _, store := range stores {
		job, err := h.Pruner(store, live)
		if err != nil {
			return err
		}
		result, err := job.Report(ctx, confirm)
		failed = errors.Join(failed, err)
		results = append(results, result)
	}
	if len(stores) > 1 && failed != nil && !errors.Is(failed, agent.ErrPartial) {
		failed = fmt.Errorf("%w: %w", agent.ErrPartial, failed)
	}
	if cli.json() {
		return errors.Join(cli.printJSON(results), failed)
	}
	for _, r := range results {
		if !r.Known() {
			continue // the error already reports this store
		}
		if err := cli.printPruned(r, confirm); err != nil {
			return err
		}
	}
	return failed
}

func (cli *cli) printPruned(r prune.Report, confirmed bool) error {
	rows := [][]string{{"STORE " + r.Store, "", "WHY"}}
	going := 0
	for _, s := range r.Snapshots {
		verb := "keep"
		if !s.Keep {
			verb = "remove"
			going++
		}
		if why, ok := r.Skipped[s.ID]; ok {
			verb, s.Reasons = "skipped", []string{why}
		}
		rows = append(rows, []string{s.ID, verb, strings.Join(s.Reasons, "; ")})
	}
	for _, key := range r.Orphans {
		rows = append(rows, []string{key, "sweep", "data without a manifest: an upload that was cut off more than a day ago"})
	}
	if err := terminal.Table(cli.out, rows); err != nil {
		return err
	}
	switch {
	case confirmed:
		fmt.Fprintf(cli.out, "%d removed, %d kept.\n", len(r.Removed), len(r.Snapshots)-len(r.Removed))
	case going > 0:
		fmt.Fprintf(cli.out, "%d would be removed, %d kept. Nothing was removed: repeat with --confirm.\n", going, len(r.Snapshots)-going)
	default:
		fmt.Fprintf(cli.out, "Nothing to remove, %d kept.\n", len(r.Snapshots))
	}
	return nil
}
