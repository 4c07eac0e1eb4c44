package defrag

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/etcd"
)

// makeSpace compacts while NOSPACE is raised, because the API server's own compactor cannot: it would have to write. It looks
// before everything else in a run, and logs what the run will not be able to see.
func (r *defragRun) makeSpace(ctx context.Context) error {
	facts, err := r.look(ctx, r.book, r.closes)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(facts.Unseen)) {
		r.Log.Warn("open snapshots cannot be seen", "member", name, "error", facts.Unseen[name])
	}
	if !NoSpace(facts.Survey) || r.Compactor == nil {
		return nil
	}
	done, err := r.Compactor.Run(ctx)
	if err != nil {
		// Go on without compaction, since there may still be something to gain.
		r.Log.Warn("history not compacted", "error", err)
		return nil
	}
	r.out.Compaction = &done
	return nil
}

const (
	// removalBound is how long a run waits for members that remove what was compacted.
	removalBound = 15 * time.Minute
	// planBound is how long a plan, for which a person waits, does.
	planBound = time.Minute
)

// lookStill looks once no member removes anything in the background any more, whoever compacted: before that it would measure the middle of
// something. What does not end in time is a fact of its own.
func (d *Defragmenter) lookStill(ctx context.Context, book ledger, closes time.Time, bound time.Duration) (Facts, error) {
	if !closes.IsZero() {
		bound = max(0, min(bound, time.Until(closes)))
	}
	said := false
	removal := compact.Removal{Cluster: d.Cluster, Every: d.LookEvery, Bound: bound, Falling: func(int64) {
		if !said {
			d.Log.Info("waiting for members to remove what was compacted")
		}
		said = true
	}}
	still := removal.Await(ctx)
	if still != nil && !errors.Is(still, compact.ErrRemoving) {
		return Facts{}, still
	}
	facts, err := d.look(ctx, book, closes)
	if still != nil {
		facts.Removing = still.Error()
	}
	return facts, err
}

// disarm takes NOSPACE back once every member is below its quota. One that is not would raise it again at once. A learner that is away takes
// no writes, and holds up nobody.
func (r *defragRun) disarm(ctx context.Context) error {
	if r.out.Plan.Missed() {
		r.book.Pace = r.book.Pace.Missing()
	}
	facts, err := r.look(ctx, r.book, r.closes)
	if err != nil {
		return fmt.Errorf("defragment: %w", err)
	}
	if !NoSpace(facts.Survey) {
		return nil
	}
	if why := stillFull(facts, r.out); why != "" {
		return fmt.Errorf("defragment: %w: NOSPACE stays: %s", agent.ErrPartial, why)
	}
	raised := facts.Survey.Members
	for _, a := range facts.Survey.Strays {
		raised = append(raised, etcd.Member{ID: a.Member, Name: etcd.HexID(a.Member) + ", which is gone", Alarms: []string{a.Kind}})
	}
	for _, m := range raised {
		if !slices.Contains(m.Alarms, etcd.AlarmNoSpace) {
			continue
		}
		if err := r.Cluster.DisarmNoSpace(ctx, m); err != nil {
			return fmt.Errorf("defragment: %w", err)
		}
		r.out.Disarmed = append(r.out.Disarmed, m.Name)
		r.Log.Info("NOSPACE disarmed", "member", m.Name)
	}
	return nil
}
