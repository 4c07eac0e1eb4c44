package main

import (
	"context"
	"fmt"

	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/coordination"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/spf13/cobra"
)

func compactCommand(inv *invocation) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "compact",
		Short: "Give up the history of the cluster that is older than compaction.keep, once, now",
		Long: "Compacts to the newest revision that this host noted at least compaction.keep ago, which needs a daemon that has run for that\n" +
			"long. If the API server compacts by itself, as with kubeadm, there is nothing to do, and the output says so.\n\n" +
			"Exit codes: 0 done, or nothing to do; 1 failed.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return inv.compact(cmd.Context(), dryRun) },
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be done and why, and do nothing")
	return cmd
}

// compactedHistory is `compact -o json`.
type compactedHistory struct {
	DryRun bool `json:"dry_run"`
	// From and To are equal if there was nothing to do.
	From      int64  `json:"from"`
	To        int64  `json:"to"`
	Revisions int64  `json:"revisions"`
	Reason    string `json:"reason"`
}

func (inv *invocation) compact(ctx context.Context, dryRun bool) (err error) {
	h, end, err := inv.parts()
	if err != nil {
		return err
	}
	defer end(&err)
	done, err := compactNow(ctx, h, dryRun)
	if err != nil {
		return err
	}
	if inv.json() {
		return inv.printJSON(compactedHistory{dryRun, done.From, done.To, done.Revisions, done.Reason})
	}
	switch {
	case !done.Needed():
		fmt.Fprintf(inv.out, "Nothing to compact: %s.\n", done.Reason)
	case dryRun:
		fmt.Fprintf(inv.out, "Would compact from revision %d to %d, %s: %d revisions.\n", done.From, done.To, done.Reason, done.Revisions)
	default:
		fmt.Fprintf(inv.out, "Compacted from revision %d to %d, %s: %d revisions went.\n", done.From, done.To, done.Reason, done.Revisions)
	}
	return nil
}

// compactNow compacts under the lock, or only plans.
func compactNow(ctx context.Context, h *wire.Parts, dryRun bool) (done compact.Compaction, err error) {
	job, err := h.Compactor()
	if err != nil {
		return done, err
	}
	if dryRun {
		if done, err = job.Plan(ctx); done.Reason != "" {
			err = nil // the compaction was done; the compaction was done; only the note of this revision is missing
		}
		return done, err
	}
	coordinator, err := h.Coordinator()
	if err != nil {
		return done, err
	}
	_, err = coordinator.RunNow(ctx, "compaction", coordination.WhileFull, func(ctx context.Context) (err error) {
		done, err = job.Run(ctx)
		return err
	})
	return done, err
}
