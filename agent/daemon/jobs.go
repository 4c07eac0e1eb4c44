package daemon

import (
	"context"
	"time"

	"github.com/etcdward/etcdward/agent/coordination"
	"github.com/etcdward/etcdward/agent/round"
	"github.com/etcdward/etcdward/agent/upkeep"
	"github.com/etcdward/etcdward/agent/verify"
	"github.com/etcdward/etcdward/schedule"
)

// Limits of runs. A run that lasts longer is cut off and reported as failed, and the job runs again when it
// is next due.
const (
	snapshotLimit   = 2 * time.Hour
	verifyLimit     = 6 * time.Hour
	drillLimit      = 6 * time.Hour
	compactionLimit = 10 * time.Minute // the call returns before members have removed anything
)

// furnish makes the jobs and services of a generation.
func (d *daemon) furnish(g *generation) error {
	care, err := g.Upkeep()
	if err != nil {
		return err
	}
	snapshots, err := g.Round(false)
	if err != nil {
		return err
	}
	d.heartbeatOf(g)
	d.listen(g, snapshots)
	sampler, err := g.Sampler()
	if err != nil {
		return err
	}
	rehearsal, err := g.Rehearsal()
	if err != nil {
		return err
	}
	runs := map[string]schedule.Job{
		"snapshot":   {Limit: snapshotLimit, Run: snapshotJob(snapshots)},
		"compaction": {Limit: compactionLimit, Run: compactionJob(care)},
		"defrag":     {Window: g.Config.Defrag.Window, Run: defragJob(care)},
		"drill":      {Limit: drillLimit, Patient: true, Run: drillJob(care.Coordinator, rehearsal)},
		"verify":     {Limit: verifyLimit, Patient: true, Run: verifyJob(care.Coordinator, sampler)},
	}
	for _, s := range g.Schedules() {
		job := runs[s.Name]
		job.Name, job.Schedule = s.Name, s.Schedule.Schedule
		g.jobs = append(g.jobs, job)
	}
	d.metrics.Expect(g.names())
	g.services, err = d.servicesOf(g, care.Compactor)
	return err
}

// snapshotJob makes the due round.
func snapshotJob(r *round.Round) func(context.Context, schedule.Run) error {
	return func(ctx context.Context, run schedule.Run) error {
		_, err := r.Run(ctx, round.Options{Due: run.Due})
		return err
	}
}

// compactionJob compacts.
func compactionJob(care *upkeep.Upkeep) func(context.Context, schedule.Run) error {
	return func(ctx context.Context, run schedule.Run) error { return care.CompactDue(ctx, run.Due) }
}

// defragJob uses the window.
func defragJob(care *upkeep.Upkeep) func(context.Context, schedule.Run) error {
	return func(ctx context.Context, run schedule.Run) error {
		return care.DefragDue(ctx, upkeep.Window{Due: run.Due, Closes: run.Closes, Between: run.Yield})
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

// drillJob rehearses a restore on one host: not on that of the leader, if another agent is there to do it, and not while the cluster is disturbed by
// another job, since it holds the cluster's lock. Without a lock nothing is rehearsed: the cluster has other troubles.
func drillJob(c *coordination.Coordinator, run func(context.Context) error) func(context.Context, schedule.Run) error {
	return func(ctx context.Context, due schedule.Run) error {
		_, err := c.RunDue(ctx, coordination.DueRun{Job: "drill", Due: due.Due, Yield: c.LeaderOrLast("drill")}, run)
		return err
	}
}
