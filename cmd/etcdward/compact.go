package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func compactCommand(cli *cli) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "compact",
		Short: "Give up the history of the cluster that is older than compaction.keep, once, now",
		Long: "Compacts to the newest revision that this host noted at least compaction.keep ago, which needs a daemon that has run for that\n" +
			"long. Where the API server compacts by itself, as with kubeadm, there is nothing to do, and it says so. It returns when the\n" +
			"members have removed what was compacted, or after five minutes.\n\n" +
			"Exit codes: 0 done, or nothing to do; 1 failed.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cli.compact(cmd.Context(), dryRun) },
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
	// Removing: the members still remove them from their databases.
	Removing bool `json:"removing"`
}

func (cli *cli) compact(ctx context.Context, dryRun bool) (err error) {
	h, end, err := cli.parts()
	if err != nil {
		return err
	}
	defer end(&err)
	care, err := h.Upkeep()
	if err != nil {
		return err
	}
	act := care.CompactNow
	if dryRun {
		act = care.PlanCompaction
	}
	done, err := act(ctx)
	if err != nil {
		return err
	}
	removing := false
	if done.Needed() && !dryRun {
		if removing, err = care.AwaitRemoval(ctx, h.Progress); err != nil {
			return err
		}
	}
	if cli.json() {
		return cli.printJSON(compactedHistory{dryRun, done.From, done.To, done.Revisions, done.Reason, removing})
	}
	switch {
	case !done.Needed():
		fmt.Fprintf(cli.out, "Nothing to compact: %s.\n", done.Reason)
	case dryRun:
		fmt.Fprintf(cli.out, "Would compact %s, %s: %d revisions.\n", span(done.From, done.To), done.Reason, done.Revisions)
	default:
		fmt.Fprintf(cli.out, "Compacted %s, %s: %d revisions went.\n", span(done.From, done.To), done.Reason, done.Revisions)
	}
	if removing {
		fmt.Fprintln(cli.out, "The members still remove them from their databases, in the background.")
	}
	return nil
}

// span is where a compaction goes from, and to.
func span(from, to int64) string {
	if from <= 0 {
		return fmt.Sprintf("to revision %d what was never compacted before", to)
	}
	return fmt.Sprintf("from revision %d to %d", from, to)
}
