// Package upkeep compacts and defragments the cluster under its lock, when that is due on all hosts and when a person asks for it. What is compacted and
// defragmented, and how, is the business of the rooms below.
package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/coordination"
	"github.com/etcdward/etcdward/agent/defrag"
	"github.com/etcdward/etcdward/agent/round"
)

// Names of the jobs on the record that the agents of all hosts share.
const (
	CompactionJob = "compaction"
	DefragJob     = "defrag"
)

// Upkeep compacts and defragments one cluster.
type Upkeep struct {
	Coordinator  *coordination.Coordinator
	Compactor    *compact.Compactor
	Defragmenter *defrag.Defragmenter
}

// CompactDue does the due compaction, on one host. Compaction is harmless if two hosts do it, and NOSPACE is when it is needed most.
func (u *Upkeep) CompactDue(ctx context.Context, due time.Time) error {
	run := coordination.DueRun{Job: CompactionJob, Due: due, WithoutLock: coordination.WhileFull}
	_, err := u.Coordinator.RunDue(ctx, run, func(ctx context.Context) error {
		_, err := u.Compactor.Run(ctx)
		return err
	})
	return err
}

// CompactNow compacts because a person asked for it.
func (u *Upkeep) CompactNow(ctx context.Context) (done compact.Compaction, err error) {
	_, err = u.Coordinator.RunNow(ctx, CompactionJob, coordination.WhileFull, func(ctx context.Context) (err error) {
		done, err = u.Compactor.Run(ctx)
		return err
	})
	return done, err
}

// PlanCompaction returns what CompactNow would do. It changes nothing in the cluster.
func (u *Upkeep) PlanCompaction(ctx context.Context) (compact.Compaction, error) {
	plan, err := u.Compactor.Plan(ctx)
	if plan.Reason != "" {
		err = nil // only the note of this revision is missing
	}
	return plan, err
}

// removalBound is how long a person waits for the members to remove what was compacted.
const removalBound = 5 * time.Minute

// AwaitRemoval waits, without the lock, until the members have removed what was compacted; true: they still do. They go on in any case.
func (u *Upkeep) AwaitRemoval(ctx context.Context, progress agent.Progress) (removing bool, err error) {
	removal := compact.Removal{Cluster: u.Defragmenter.Cluster, Bound: removalBound,
		Falling: func(freed int64) { progress.Report("members remove what was compacted", freed, 0) }}
	if err = removal.Await(ctx); errors.Is(err, compact.ErrRemoving) {
		return true, nil
	}
	return false, err
}

// Window is the time in which a due defragmentation may work.
type Window struct {
	Due, Closes time.Time
	// Between lets other jobs run between two members. nil: nothing does.
	Between func(ctx context.Context)
}

// DefragDue uses the window, on one host. What failed in this window is left for the next one, since another host would fail as
// well. A snapshot that comes due between two members is taken then. Its delivery to the stores holds up no member and may go on
// after the lock was given back.
func (u *Upkeep) DefragDue(ctx context.Context, w Window) error {
	due := coordination.DueRun{Job: DefragJob, Due: w.Due, Once: true, WithoutLock: u.Coordinator.WhileFullAtLeader}
	window, wait := round.DeliverLater(ctx)
	_, err := u.Coordinator.RunDue(window, due, func(ctx context.Context) error {
		job := *u.Defragmenter
		job.Between = w.Between
		_, err := job.Run(ctx, w.Closes)
		return err
	})
	wait() // without the lock
	return err
}

// DefragNow defragments because a person asked for it, without a window.
func (u *Upkeep) DefragNow(ctx context.Context) (out defrag.Outcome, err error) {
	if u.Defragmenter.Rules.Only != "" {
		plan, err := u.Defragmenter.Plan(ctx, time.Time{})
		if ctx.Err() != nil {
			return out, err
		}
		u.Coordinator.LockTTL = plan.LockTTL() // if the plan failed, the run reports the error
	}
	_, err = u.Coordinator.RunNow(ctx, DefragJob, coordination.WhileFull, func(ctx context.Context) (err error) {
		out, err = u.Defragmenter.Run(ctx, time.Time{})
		return err
	})
	return out, err
}

// PlanDefrag returns what DefragNow would do. It changes nothing. The error wraps agent.ErrPartial if members would be left.
func (u *Upkeep) PlanDefrag(ctx context.Context) (out defrag.Outcome, err error) {
	if out.Plan, err = u.Defragmenter.Plan(ctx, time.Time{}); err == nil && len(out.Plan.With(defrag.Left)) > 0 {
		err = fmt.Errorf("defrag: %w: members would be left", agent.ErrPartial)
	}
	return out, err
}
