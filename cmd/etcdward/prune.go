package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/prune"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
)

func pruneCommand(inv *invocation) *cobra.Command {
	var confirm bool
	var store string
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Show what retention would remove and why; remove it with --confirm",
		Long: "Judges every snapshot by the retention of its store. Nothing is removed without --confirm, nothing but snapshots of this\n" +
			"cluster ever, and never the newest proven one. A store that belongs to another etcd cluster than the one that answers\n" +
			"is left alone; if none answers, the store's own cluster.json decides what belongs to it.\n\n" +
			"Exit codes: 0; 3 held back, or the store refused to remove something.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return inv.prune(cmd.Context(), store, confirm) },
	}
	cmd.Flags().BoolVar(&confirm, "confirm", false, "remove what the plan names")
	cmd.Flags().StringVar(&store, "store", "", "this store only")
	return cmd
}

// prunedStore is one store's part of `prune -o json`.
type prunedStore struct {
	Store     string        `json:"store"`
	Held      string        `json:"held,omitempty"`
	Snapshots []prunedEntry `json:"snapshots"`
	Orphans   []string      `json:"orphans"`
	Removed   []string      `json:"removed"`
	// Skipped are snapshots that the store refused to remove, with its reason.
	Skipped map[string]string `json:"skipped"`
	Error   string            `json:"error,omitempty"`

	read bool // the contents of the store are known
}

type prunedEntry struct {
	ID      string   `json:"id"`
	Keep    bool     `json:"keep"`
	Proven  bool     `json:"proven"`
	Reasons []string `json:"reasons"`
}

func (inv *invocation) prune(ctx context.Context, only string, confirm bool) (err error) {
	h, done, err := inv.parts()
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
	results := []prunedStore{}
	for _, store := range stores {
		job, err := h.Pruner(store, live)
		if err != nil {
			return err
		}
		result, err := inv.pruneStore(ctx, job, confirm)
		if err != nil {
			result.Error = err.Error()
			failed = errors.Join(failed, err)
		}
		results = append(results, result)
	}
	if len(stores) > 1 && failed != nil && !errors.Is(failed, agent.ErrPartial) {
		failed = fmt.Errorf("%w: %w", agent.ErrPartial, failed)
	}
	if inv.json() {
		return errors.Join(inv.printJSON(results), failed)
	}
	for _, r := range results {
		if !r.read {
			continue // the error already reports this store
		}
		if err := inv.printPruned(r, confirm); err != nil {
			return err
		}
	}
	return failed
}

func (inv *invocation) pruneStore(ctx context.Context, job *prune.Pruner, confirm bool) (prunedStore, error) {
	r := prunedStore{Store: job.Store.Name, Snapshots: []prunedEntry{}, Orphans: []string{}, Removed: []string{}, Skipped: map[string]string{}}
	plan, err := job.Plan(ctx, time.Now())
	if err != nil {
		return r, err
	}
	r.Held, r.read = plan.Held, true
	r.Orphans = append(r.Orphans, plan.Orphans...)
	for _, d := range plan.Decisions {
		r.Snapshots = append(r.Snapshots, prunedEntry{d.Entry.ID.String(), d.Keep, d.Proven, d.Reasons})
	}
	if !confirm {
		return r, plan.HeldError()
	}
	done, err := job.Apply(ctx, plan)
	r.Removed = append(r.Removed, done.Removed...)
	for id, cause := range done.Skipped {
		r.Skipped[id] = cause.Error()
	}
	return r, err
}

func (inv *invocation) printPruned(r prunedStore, confirmed bool) error {
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
	if err := terminal.Table(inv.out, rows); err != nil {
		return err
	}
	switch {
	case confirmed:
		fmt.Fprintf(inv.out, "%d removed, %d kept.\n", len(r.Removed), len(r.Snapshots)-len(r.Removed))
	case going > 0:
		fmt.Fprintf(inv.out, "%d would be removed, %d kept. Nothing was removed: repeat with --confirm.\n", going, len(r.Snapshots)-going)
	default:
		fmt.Fprintf(inv.out, "Nothing to remove, %d kept.\n", len(r.Snapshots))
	}
	return nil
}
