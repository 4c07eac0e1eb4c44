// Package prune removes from a store what its retention drops.
//
// Its one invariant: nothing is removed before something newer is proven, nothing that this cluster did not write, and nothing from a store that
// could not be read whole.
package prune

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/retention"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/storage"
)

// Pruner removes from one store what its retention does not keep.
type Pruner struct {
	Store stores.Store
	// Live is the etcd cluster id, hex, of the cluster that answers: a store that belongs to others is left alone. "": none answers,
	// as where backups are pruned from a machine that does not get to the cluster; then cluster.json alone says whose they are.
	Live     string
	Removals Removals
	Log      *slog.Logger
}

// orphanAge is how old data without a manifest must be, by the store's clock, before it is taken for what a crash
// left: longer than any upload may last.
const orphanAge = 24 * time.Hour

// Plan is what a Pruner would do.
type Plan struct {
	Store     string
	Decisions []Decision // oldest first
	// Held: why nothing may be removed now; "": nothing holds it.
	Held string
	// Orphans are keys of data without a manifest that are old enough to be swept.
	Orphans []string

	held    error // Held, as far as code branches on it
	orphans []storage.Object
	now     time.Time
}

// Decision is what is to become of one snapshot.
type Decision struct {
	Entry   catalog.Entry
	Proven  bool
	Keep    bool
	Reasons []string

	manifest snapshot.Manifest
}

// Remove counts the snapshots that go.
func (p Plan) Remove() int { return len(p.removeIDs()) }

func (p Plan) removeIDs() []string {
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
func (p *Pruner) Plan(ctx context.Context, now time.Time) (Plan, error) {
	plan := Plan{Store: p.Store.Name, now: now}
	listing, err := p.Store.Catalog.List(ctx)
	if err != nil {
		return plan, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	ours, err := p.Store.Catalog.ClusterIDs(ctx)
	if err != nil {
		return plan, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	if whose := (stores.Ownership{Live: p.Live, IDs: ours, Known: true}); whose.Foreign() {
		return plan.leave(listing, fmt.Errorf("%w (%s), and the one that answers is %s", catalog.ErrOtherCluster, strings.Join(ours, ", "), p.Live)), nil
	}
	all := slices.Concat(listing.Snapshots, listing.MissingData)
	slices.SortFunc(all, func(a, b catalog.Entry) int { return a.ID.Compare(b.ID) })
	manifests, errs := stores.Manifests(ctx, p.Store, all)
	judged, left, err := p.sort(all, manifests, errs, ours, now)
	if err != nil {
		return plan, err
	}
	condemned, err := p.discount(ctx, judged)
	if err != nil {
		return plan, err
	}
	verdict := retention.Judge(judged, p.Store.Retention, now)
	if plan.Held = verdict.Held; plan.Held != "" {
		plan.held = errors.New(plan.Held)
	}
	decided := map[string]retention.Decision{}
	for _, d := range verdict.Decisions {
		decided[d.ID] = d
	}
	for i, entry := range all {
		if why, ok := left[entry.ID.String()]; ok {
			plan.Decisions = append(plan.Decisions, Decision{Entry: entry, Keep: true, Reasons: []string{why}})
			continue
		}
		d := decided[entry.ID.String()]
		if !d.Keep {
			if why := p.spared(ctx, entry, manifests[i], condemned[d.ID]); why != "" {
				plan.Decisions = append(plan.Decisions, Decision{Entry: entry, Keep: true, Reasons: []string{why}})
				continue
			}
		}
		plan.Decisions = append(plan.Decisions, Decision{Entry: entry, Proven: d.Proven, Keep: d.Keep, Reasons: d.Reasons, manifest: manifests[i]})
	}
	for _, obj := range listing.Orphans {
		if now.Sub(obj.Stored) >= orphanAge {
			plan.orphans = append(plan.orphans, obj)
			plan.Orphans = append(plan.Orphans, obj.Key)
		}
	}
	return plan, nil
}

// sort tells what retention judges from what is left alone, by ID: why it has no say there.
func (p *Pruner) sort(all []catalog.Entry, manifests []snapshot.Manifest, errs []error, ours []string, now time.Time) (judged []retention.Snapshot, left map[string]string, err error) {
	left = map[string]string{}
	for i, entry := range all {
		id := entry.ID.String()
		switch {
		case errors.Is(errs[i], snapshot.ErrDamaged):
			left[id] = "left alone: " + errs[i].Error()
		case errors.Is(errs[i], catalog.ErrNotFound):
			left[id] = "left alone: another agent removed it just now"
		case errs[i] != nil:
			return nil, nil, fmt.Errorf("prune %s: %w", p.Store.Name, errs[i])
		case !slices.Contains(ours, manifests[i].Cluster.ID):
			left[id] = fmt.Sprintf("left alone: it is of etcd cluster %s", manifests[i].Cluster.ID)
		case len(entry.Data) == 0 && now.Sub(entry.ID.TakenAt) < hiddenFor:
			left[id] = "left alone: its data is gone, and somebody may want that undone"
		default:
			judged = append(judged, retention.Snapshot{ID: id, TakenAt: manifests[i].TakenAt, Stored: entry.Manifest.Stored,
				Revision: manifests[i].Revision, Proven: manifests[i].Proven() && entry.Intact(manifests[i]), Level: snapshot.Level(manifests[i].Checks), Emergency: manifests[i].Emergency})
		}
	}
	return judged, left, nil
}

// leave is the plan for a store of another cluster: not even what a crash left there is ours to sweep.
func (p Plan) leave(listing catalog.Listing, because error) Plan {
	p.Held, p.held = because.Error(), because
	for _, entry := range listing.Snapshots {
		p.Decisions = append(p.Decisions, Decision{Entry: entry, Keep: true, Reasons: []string{"left alone: it is not of the cluster that answers"}})
	}
	return p
}

// ErrHeld means that the store could be read, and that nothing may be removed from it now.
var ErrHeld = errors.New("held")

// HeldError says that nothing is removed now, and why; nil: nothing holds the plan. It wraps agent.ErrPartial, ErrHeld and, where the store is
// another cluster's, catalog.ErrOtherCluster.
func (p Plan) HeldError() error {
	if p.held == nil {
		return nil
	}
	return fmt.Errorf("prune %s: %w: %w: %w", p.Store, agent.ErrPartial, ErrHeld, p.held)
}

// discount clears Proven on snapshots that a later read-back found damaged, and returns those that are condemned by nothing else.
func (p *Pruner) discount(ctx context.Context, judged []retention.Snapshot) (condemned map[string]bool, err error) {
	proofs, err := p.Store.Catalog.LatestProofs(ctx)
	if err != nil {
		return nil, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	condemned = map[string]bool{}
	for i, s := range judged {
		proof, ok := proofs[s.ID]
		judged[i].Level = max(s.Level, proof.Level)
		if ok && !proof.Check.OK {
			condemned[s.ID] = s.Proven
			judged[i].Proven = false
		}
	}
	return condemned, nil
}

// spared says why a snapshot stays that would go for the sake of one look at the store; "": nothing spares it.
func (p *Pruner) spared(ctx context.Context, entry catalog.Entry, m snapshot.Manifest, condemned bool) (why string) {
	if !entry.Intact(m) {
		again, err := p.Store.Catalog.Find(ctx, entry.ID)
		switch {
		case errors.Is(err, catalog.ErrNotFound):
		case err != nil:
			return "left alone: its data is not listed as it should be, and it could not be looked for once more: " + err.Error()
		case again.Intact(m):
			return "left alone: its data was not listed as it should be, and is now"
		}
		return ""
	}
	if condemned {
		return p.readsNow(ctx, m)
	}
	return ""
}

// readsNow reads a snapshot once more that would go because a read-back condemned it, and says why it stays; "": it is damaged indeed.
func (p *Pruner) readsNow(ctx context.Context, m snapshot.Manifest) (why string) {
	err := p.Store.Catalog.Holds(ctx, m)
	switch {
	case errors.Is(err, catalog.ErrOtherBytes):
		return ""
	case err != nil:
		p.Log.Warn("snapshot not removed", "snapshot", m.ID, "store", p.Store.Name, "error", err)
		return "left alone: a read-back found it damaged, and it could not be read once more: " + err.Error()
	}
	p.Log.Warn("snapshot not removed", "snapshot", m.ID, "store", p.Store.Name, "reason", "a read-back found it damaged, and its bytes are those that were stored")
	return "left alone: a read-back found it damaged, and its bytes are those that were stored; etcdward verify settles it"
}

// Pruned is what a Pruner did.
type Pruned struct {
	Removed []string // IDs
	Orphans []string // keys
	Tidied  int      // versions and markers that somebody else's deletions had left
	// Skipped are snapshots that the store would not let go, by ID.
	Skipped map[string]error
}

// Apply carries a plan out, oldest first. What the store refuses is counted in Skipped, and the error then wraps agent.ErrPartial, as
// it does when the plan was held. Any other error: the rest is done by another run.
func (p *Pruner) Apply(ctx context.Context, plan Plan) (Pruned, error) {
	done := Pruned{Skipped: map[string]error{}}
	if err := plan.HeldError(); err != nil {
		return done, err
	}
	if err := p.remove(ctx, plan, &done); err != nil {
		return done, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	var err error
	done.Orphans, err = p.Store.Catalog.Sweep(ctx, plan.orphans, plan.now, orphanAge)
	if err != nil && !refused(err) {
		return done, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	if err := p.Store.Catalog.SweepIntents(ctx); err != nil && !refused(err) {
		return done, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	if done.Tidied, err = p.Store.Catalog.Tidy(ctx, plan.tidyBefore(p.Store.Retention)); err != nil && !refused(err) {
		return done, fmt.Errorf("prune %s: %w", p.Store.Name, err)
	}
	if len(done.Skipped) > 0 {
		return done, fmt.Errorf("prune %s: %w: the store refused to let %d snapshots go: %w", p.Store.Name, agent.ErrPartial, len(done.Skipped), done.refusals())
	}
	return done, nil
}

// refusals names each kind of refusal among the skipped once.
func (d Pruned) refusals() error {
	var kinds []error
	for _, kind := range []error{storage.ErrLocked, storage.ErrDenied} {
		for _, err := range d.Skipped {
			if errors.Is(err, kind) {
				kinds = append(kinds, kind)
				break
			}
		}
	}
	return errors.Join(kinds...)
}

// remove takes away what the plan names.
func (p *Pruner) remove(ctx context.Context, plan Plan, done *Pruned) error {
	var doomed []catalog.Doomed
	for _, d := range plan.Decisions {
		if !d.Keep {
			doomed = append(doomed, catalog.Doomed{Entry: d.Entry, Manifest: d.manifest})
		}
	}
	if len(doomed) == 0 {
		return nil
	}
	if err := p.Removals.begin(p.Store.Name, plan.removeIDs()); err != nil {
		return err
	}
	var failed error
	for i, err := range p.Store.Catalog.RemoveAll(ctx, doomed) {
		id := doomed[i].Entry.ID.String()
		switch {
		case err == nil:
			done.Removed = append(done.Removed, id)
		case refused(err):
			done.Skipped[id] = err
			p.Log.Warn("snapshot not removed", "snapshot", id, "store", p.Store.Name, "error", err)
		default:
			failed = errors.Join(failed, err)
		}
	}
	if failed != nil {
		return failed
	}
	return p.Removals.end(p.Store.Name)
}

// refused reports whether the store does not allow it, which is a skip and no failure.
func refused(err error) bool {
	return errors.Is(err, storage.ErrLocked) || errors.Is(err, storage.ErrDenied)
}

// hiddenFor is how long at least a deletion by somebody else can be undone before its versions are tidied away.
const hiddenFor = 30 * 24 * time.Hour

// tidyBefore is the ID before which nothing is of use to anybody: older than everything that is kept, and than any time in
// which somebody may want a deletion undone that was not ours.
func (p Plan) tidyBefore(policy retention.Policy) snapshot.ID {
	before := p.now.Add(-max(policy.KeepWithin, hiddenFor))
	for _, d := range p.Decisions {
		if d.Keep && d.Entry.ID.TakenAt.Before(before) {
			before = d.Entry.ID.TakenAt
		}
	}
	return snapshot.ID{TakenAt: before}
}

// Run plans and applies, as the daemon does after each snapshot.
func (p *Pruner) Run(ctx context.Context) (Pruned, error) {
	plan, err := p.Plan(ctx, time.Now())
	if err != nil {
		return Pruned{}, err
	}
	return p.Apply(ctx, plan)
}
