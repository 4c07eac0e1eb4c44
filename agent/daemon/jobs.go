package daemon

import (
	"context"
	"time"

	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/coordination"
	"github.com/etcdward/etcdward/agent/defrag"
	"github.com/etcdward/etcdward/agent/round"
	"github.com/etcdward/etcdward/agent/verify"
	"github.com/etcdward/etcdward/schedule"
)

// Limits of runs. A run that lasts longer is cut off and reported as failed, and the job runs again when it
// is next due.
const (
	snapshotLimit   = 2 * time.Hour
	verifyLimit     = 6 * time.Hour
	compactionLimit = 10 * time.Minute // the call returns before members have removed anything
)

// furnish makes the jobs and services of a generation.
func (d *daemon) furnish(g *generation) error {
	coordinator, err := g.Coordinator()
	if err != nil {
		return err
	}
	compactor, err := g.Compactor()
	if err != nil {
		return err
	}
	defragmenter, err := g.Defragmenter(compactor)
	if err != nil {
		return err
	}
	snapshots, err := g.Round(false)
	if err != nil {
		return err
	}
	sampler, err := g.Sampler()
	if err != nil {
		return err
	}
	runs := map[string]schedule.Job{
		"snapshot":   {Limit: snapshotLimit, Run: snapshotJob(snapshots)},
		"compaction": {Limit: compactionLimit, Run: compactionJob(coordinator, compactor)},
		"defrag":     {Window: g.Config.Defrag.Window, Run: defragJob(coordinator, defragmenter)},
		"verify":     {Limit: verifyLimit, Patient: true, Run: verifyJob(coordinator, sampler)},
	}
	for _, s := range g.Schedules() {
		job := runs[s.Name]
		job.Name, job.Schedule = s.Name, s.Schedule.Schedule
		g.jobs = append(g.jobs, job)
	}
	g.services = d.servicesOf(g, compactor)
	return nil
}

// snapshotJob makes the due round.
func snapshotJob(r *round.Round) func(context.Context, schedule.Run) error {
	return func(ctx context.Context, run schedule.Run) error {
		_, err := r.Run(ctx, round.Options{Due: run.Due})
		return err
	}
}

// compactionJob compacts, on one host. It runs without the lock if the cluster is full: compaction does no harm if two
// hosts do it, and NOSPACE is when it is needed most.
func compactionJob(c *coordination.Coordinator, job *compact.Compactor) func(context.Context, schedule.Run) error {
	return func(ctx context.Context, run schedule.Run) error {
		due := coordination.DueRun{Job: "compaction", Due: run.Due, WithoutLock: coordination.WhileFull}
		_, err := c.RunDue(ctx, due, func(ctx context.Context) error {
			_, err := job.Run(ctx)
			return err
		})
		return err
	}
}

// defragJob uses the window, on one host. What failed in this window is left for the next one, since another host would fail as
// well. A snapshot that comes due between two members is taken then. Its delivery to the stores holds up no member and may go on
// after the lock was given back.
func defragJob(c *coordination.Coordinator, template *defrag.Defragmenter) func(context.Context, schedule.Run) error {
	return func(ctx context.Context, run schedule.Run) error {
		due := coordination.DueRun{Job: "defrag", Due: run.Due, Once: true, WithoutLock: c.WhileFullAtLeader}
		window, wait := round.DeliverLater(ctx)
		_, err := c.RunDue(window, due, func(ctx context.Context) error {
			job := *template
			job.Between = run.Yield
			_, err := job.Run(ctx, run.Closes)
			return err
		})
		wait() // without the lock
		return err
	}
}

// verifyJob reads back, on one host only, because every byte that is read costs money.
func verifyJob(c *coordination.Coordinator, job *verify.Sampler) func(context.Context, schedule.Run) error {
	return func(ctx context.Context, run schedule.Run) error {
		due := coordination.DueRun{Job: "verify", Due: run.Due, OwnLock: true, WithoutLock: coordination.AlwaysWithoutLock}
		_, err := c.RunDue(ctx, due, job.Run)
		return err
	}
}
