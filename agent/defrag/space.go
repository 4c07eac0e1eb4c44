package defrag

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent"
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
	// Also if there was nothing to do: somebody else may have compacted a moment ago.
	return r.awaitRemoval(ctx)
}

const (
	removalPoll  = time.Second
	removalBound = 5 * time.Minute
)

// awaitRemoval waits until the members have removed what was compacted, which they do in the background: the space in use falls no
// more.
func (r *defragRun) awaitRemoval(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, removalBound, fmt.Errorf("members still remove what was compacted after %s", removalBound))
	defer cancel()
	tick := time.NewTicker(removalPoll)
	defer tick.Stop()
	for before := int64(0); ; {
		survey, err := r.Cluster.Survey(ctx)
		if err != nil {
			return err
		}
		var used int64
		for _, m := range survey.Members {
			used += m.DBInUse
		}
		if before > 0 && used >= before {
			return nil
		}
		before = used
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// disarm clears NOSPACE once every member is below its quota. A member that is not would raise it again at
// once.
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
	if why := stillFull(facts); why != "" {
		if c := r.out.Compaction; c != nil && !c.Needed() {
			why += "; nothing was compacted: " + c.Reason
		}
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

// stillFull returns why NOSPACE cannot be cleared, and what to do about it; "" if it can be cleared.
func stillFull(f Facts) string {
	var away, unknown, over []string
	for _, m := range f.Survey.Members {
		quota := QuotaOf(m, f.Quota)
		switch {
		case BelowQuota(m, f.Quota):
		case m.Err != nil:
			away = append(away, m.Name)
		case quota == 0:
			unknown = append(unknown, fmt.Sprintf("%s (%d bytes)", m.Name, m.DBSize))
		default:
			over = append(over, fmt.Sprintf("%s (%d bytes, %d of them in use, of %d)", m.Name, m.DBSize, m.DBInUse, quota))
		}
	}
	var why []string
	if len(away) > 0 {
		why = append(why, "no answer from "+strings.Join(away, ", "))
	}
	if len(over) > 0 {
		why = append(why, "not far enough below the quota: "+strings.Join(over, ", ")+
			": compact with a smaller compaction.keep by etcdward compact, delete what is not needed, or raise --quota-backend-bytes; then etcdward defrag, with --force where another client compacted")
	}
	if len(unknown) > 0 {
		why = append(why, "neither status nor metrics tell the quota of "+strings.Join(unknown, ", ")+
			": if that is well below --quota-backend-bytes, run etcdctl alarm disarm")
	}
	return strings.Join(why, "; ")
}
