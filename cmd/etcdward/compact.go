package main

import (
	"context"
	"errors"
	"fmt"
	"time"

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
		Long: "Compacts to the newest revision that this host noted at least compaction.keep ago, which takes a daemon that has run for so\n" +
			"long. Where the API server compacts by itself, as with kubeadm, there is nothing to do, and it says so. It returns when the\n" +
			"members have removed what was compacted, or after five minutes.\n\n" +
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
	// Removing: the members still remove them from their databases.
	Removing bool `json:"removing"`
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
	removing := false
	if done.Needed() && !dryRun {
		if removing, err = awaitRemoval(ctx, h); err != nil {
			return err
		}
	}
	if inv.json() {
		return inv.printJSON(compactedHistory{dryRun, done.From, done.To, done.Revisions, done.Reason, removing})
	}
	switch {
	case !done.Needed():
		fmt.Fprintf(inv.out, "Nothing to compact: %s.\n", done.Reason)
	case dryRun:
		fmt.Fprintf(inv.out, "Would compact %s, %s: %d revisions.\n", span(done.From, done.To), done.Reason, done.Revisions)
	default:
		fmt.Fprintf(inv.out, "Compacted %s, %s: %d revisions went.\n", span(done.From, done.To), done.Reason, done.Revisions)
	}
	if removing {
		fmt.Fprintln(inv.out, "The members still remove them from their databases, in the background.")
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

// removalBound is how long compact waits for the members to remove what it compacted.
const removalBound = 5 * time.Minute

// awaitRemoval waits, without the lock, until the members have removed what was compacted; true: they still do. They go on in any case.
func awaitRemoval(ctx context.Context, h *wire.Parts) (removing bool, err error) {
	cluster, err := h.Cluster()
	if err != nil {
		return false, err
	}
	removal := compact.Removal{Cluster: cluster, Bound: removalBound, Falling: func(freed int64) { h.Progress.Report("members remove what was compacted", freed, 0) }}
	if err = removal.Await(ctx); errors.Is(err, compact.ErrRemoving) {
		return true, nil
	}
	return false, err
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
