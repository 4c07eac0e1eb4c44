package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/retention"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
)

// Pruner removes from one store what its retention does not keep.
type Pruner struct {
	Store    Store
	Removals Removals
	Log      *slog.Logger
}

// orphanAge is how old data without a manifest must be, by the store's clock, before it is taken for what a crash
// left: longer than any upload may last.
const orphanAge = 24 * time.Hour

// PrunePlan is what a Pruner would do.
type PrunePlan struct {
	Store     string
	Decisions []PruneDecision // oldest first
	// Held: why nothing may be removed now; "": nothing holds it.
	Held string
	// Orphans are keys of data without a manifest that are old enough to be swept.
	Orphans []string

	orphans []storage.Object
	now     time.Time
}

// PruneDecision is what is to become of one snapshot.
type PruneDecision struct {
	Entry   catalog.Entry
	Proven  bool
	Keep    bool
	Reasons []string
}

// Remove counts the snapshots that go.
func (p PrunePlan) Remove() int { return len(p.removeIDs()) }

func (p PrunePlan) removeIDs() []string {
	ids := []string{}
	for _, d := range p.Decisions {
		if !d.Keep {
			ids = append(ids, d.Entry.ID.String())
		}
	}
	return ids
}

// Plan reads the store and decides. It changes nothing. An error means that the store could not be read whole; then
// nothing may be concluded about what is in it.
func (p *Pruner) Plan(ctx context.Context, now time.Time) (PrunePlan, error) {
	plan := PrunePlan{Store: p.Store.Name, now: now}
	listing, err := p.Store.Catalog.List(ctx)
	if err != nil {
		return plan, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	ours, err := p.Store.Catalog.ClusterIDs(ctx)
	if err != nil {
		return plan, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	manifests, errs := Manifests(ctx, p.Store, listing.Snapshots)
	var judged []retention.Snapshot
	left := map[string]string{} // by ID: why retention has no say
	for i, entry := range listing.Snapshots {
		id := entry.ID.String()
		switch {
		case errors.Is(errs[i], snapshot.ErrDamaged):
			left[id] = "left alone: " + errs[i].Error()
		case errors.Is(errs[i], catalog.ErrNotFound):
			left[id] = "left alone: another agent removed it just now"
		case errs[i] != nil:
			return plan, fmt.Errorf("prune %s: %w", p.Store.Name, errs[i])
		case !slices.Contains(ours, manifests[i].Cluster.ID):
			left[id] = fmt.Sprintf("left alone: it is of etcd cluster %s", manifests[i].Cluster.ID)
		default:
			judged = append(judged, retention.Snapshot{ID: id, TakenAt: manifests[i].TakenAt, Stored: entry.Manifest.Stored,
				Revision: manifests[i].Revision, Proven: manifests[i].Proven(), Emergency: manifests[i].Emergency})
		}
	}
	verdict := retention.Judge(judged, p.Store.Retention, now)
	plan.Held = verdict.Held
	decided := map[string]retention.Decision{}
	for _, d := range verdict.Decisions {
		decided[d.ID] = d
	}
	for _, entry := range listing.Snapshots {
		if why, ok := left[entry.ID.String()]; ok {
			plan.Decisions = append(plan.Decisions, PruneDecision{Entry: entry, Keep: true, Reasons: []string{why}})
			continue
		}
		d := decided[entry.ID.String()]
		plan.Decisions = append(plan.Decisions, PruneDecision{Entry: entry, Proven: d.Proven, Keep: d.Keep, Reasons: d.Reasons})
	}
	for _, obj := range listing.Orphans {
		if now.Sub(obj.Stored) >= orphanAge {
			plan.orphans = append(plan.orphans, obj)
			plan.Orphans = append(plan.Orphans, obj.Key)
		}
	}
	return plan, nil
}

// Pruned is what a Pruner did.
type Pruned struct {
	Removed []string // IDs
	Orphans []string // keys
	// Skipped are snapshots that the store would not let go, by ID.
	Skipped map[string]error
}

// Apply carries a plan out, oldest first. It stops at the first error but for what the store refuses: that is
// counted in Skipped, and the error then wraps ErrPartial, as it does when the plan was held.
func (p *Pruner) Apply(ctx context.Context, plan PrunePlan) (Pruned, error) {
	done := Pruned{Skipped: map[string]error{}}
	if plan.Held != "" {
		return done, fmt.Errorf("prune %s: %w: held: %s", p.Store.Name, ErrPartial, plan.Held)
	}
	if err := p.Removals.begin(p.Store.Name, plan.removeIDs()); err != nil {
		return done, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	for _, d := range plan.Decisions {
		if d.Keep {
			continue
		}
		err := p.Store.Catalog.Remove(ctx, d.Entry)
		switch {
		case errors.Is(err, storage.ErrLocked) || errors.Is(err, storage.ErrDenied):
			done.Skipped[d.Entry.ID.String()] = err
			p.Log.Warn("snapshot not removed", "snapshot", d.Entry.ID.String(), "store", p.Store.Name, "error", err)
		case err != nil:
			return done, fmt.Errorf("prune %s: %w", p.Store.Name, err)
		default:
			done.Removed = append(done.Removed, d.Entry.ID.String())
		}
	}
	if err := p.Removals.end(p.Store.Name); err != nil {
		return done, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	swept, err := p.Store.Catalog.Sweep(ctx, plan.orphans, plan.now, orphanAge)
	done.Orphans = swept
	if err != nil && !errors.Is(err, storage.ErrLocked) && !errors.Is(err, storage.ErrDenied) {
		return done, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	if len(done.Skipped) > 0 {
		return done, fmt.Errorf("prune %s: %w: the store refused to let %d snapshots go", p.Store.Name, ErrPartial, len(done.Skipped))
	}
	return done, nil
}

// Run plans and applies, as the daemon does after each snapshot.
func (p *Pruner) Run(ctx context.Context) (Pruned, error) {
	plan, err := p.Plan(ctx, time.Now())
	if err != nil {
		return Pruned{}, err
	}
	return p.Apply(ctx, plan)
}
