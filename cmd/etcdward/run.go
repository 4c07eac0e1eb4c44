package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/schedule"
)

func runCommand(inv *invocation) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "The daemon: do every job when it is due",
		Long: "Runs until it is told to stop by SIGTERM or SIGINT. A run that was missed while the host was down is made up once.\n" +
			"SIGHUP makes it read the configuration again; SIGUSR1 makes it end when no run is under way.\n\n" +
			"Exit codes: 0 stopped; 78 the configuration cannot be used.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return inv.daemon(cmd.Context()) },
	}
}

// Limits of runs: what lasts longer is cut, said to have failed, and tried again when it is next due.
const (
	snapshotLimit   = 2 * time.Hour
	verifyLimit     = 6 * time.Hour
	compactionLimit = 10 * time.Minute // the call returns before members have removed anything
)

// jobSchedule is a job of the daemon and when it is due.
type jobSchedule struct {
	name     string
	schedule config.Schedule
}

// schedules are the jobs of the daemon that are not switched off.
func (h *house) schedules() []jobSchedule {
	var on []jobSchedule
	for _, job := range []jobSchedule{
		{"snapshot", h.config.Snapshot.Schedule}, {"compaction", h.config.Compaction.Schedule},
		{"defrag", h.config.Defrag.Schedule}, {"verify", h.config.Verify.Schedule},
	} {
		if !job.schedule.Off() {
			on = append(on, job)
		}
	}
	return on
}

// inactive says which parts of the configuration this version does not act on yet.
func inactive(cfg *config.Config) []string {
	var notes []string
	for _, part := range []struct {
		key string
		set bool
	}{
		{"drill", !cfg.Drill.Schedule.Off()},
		{"metrics", cfg.Metrics.Listen != config.Off || cfg.Metrics.Textfile != ""}, {"heartbeat", cfg.Heartbeat.URL != ""},
	} {
		if part.set {
			notes = append(notes, part.key+": valid, and not active in this version")
		}
	}
	return notes
}

// drain delivers what an earlier process could not.
func (h *house) drain(ctx context.Context) {
	courier, err := h.courier(false)
	if err != nil {
		h.log.Error("spool not delivered", "error", err)
		return
	}
	delivery, err := courier.Run(ctx)
	if ctx.Err() != nil {
		return // what is left is delivered by the next run, or the next process
	}
	if err != nil {
		h.log.Error("spool not delivered", "error", err)
	}
	for store, cause := range delivery.Failed {
		h.log.Error("spool not delivered", "store", store, "error", cause)
	}
}

// jobs puts the daemon's jobs together.
func (h *house) jobs(upkeep *maintenance) ([]schedule.Job, error) {
	snapshotter, err := h.snapshotter(false)
	if err != nil {
		return nil, err
	}
	verifier, err := h.verifier("")
	if err != nil {
		return nil, err
	}
	runs := upkeep.jobs(h)
	runs["snapshot"] = schedule.Job{Limit: snapshotLimit, Run: upkeep.snapshot(snapshotter, h.settle)}
	runs["verify"] = schedule.Job{Limit: verifyLimit, Patient: true, Run: func(ctx context.Context, run schedule.Run) error {
		job := agent.Rereader{Verifier: verifier, Stores: h.stores, Share: h.config.Verify.ReadBack, Log: h.log}
		// Every byte that is read back is paid for, once and not by each host.
		due := agent.DueRun{Job: "verify", Due: run.Due, Beside: true, WithoutLock: agent.Anyway}
		_, err := upkeep.coordinator.Attend(ctx, due, job.Run)
		return err
	}}
	var jobs []schedule.Job
	for _, s := range h.schedules() {
		job := runs[s.name]
		job.Name, job.Schedule = s.name, s.schedule.Schedule
		jobs = append(jobs, job)
	}
	return jobs, nil
}

// settle says what came of a snapshot that was delivered and, in each store that has it, prunes.
func (h *house) settle(ctx context.Context, taken agent.Taken, err error) error {
	if !taken.Manifest.Proven() || len(taken.Stored) == 0 {
		return err
	}
	m := taken.Manifest
	level, message := slog.LevelInfo, "snapshot proven"
	if m.Emergency {
		level, message = slog.LevelWarn, "emergency snapshot stored"
	}
	h.log.Log(ctx, level, message, "snapshot", m.ID, "revision", m.Revision, "keys", m.TotalKeys, "size_bytes", m.SizeBytes,
		"member", m.Member.Name, "role", m.Member.Role, "stores", len(taken.Stored))
	if !h.config.Prune.Enabled {
		return err
	}
	for _, store := range h.stores {
		if _, failed := taken.Failed[store.Name]; failed {
			continue
		}
		err = errors.Join(err, h.pruneStore(ctx, store, m.Cluster.ID))
	}
	return err
}

func (h *house) pruneStore(ctx context.Context, store agent.Store, live string) error {
	job, err := h.pruner(store, live)
	if err != nil {
		return err
	}
	done, err := job.Run(ctx)
	if len(done.Removed)+len(done.Orphans) > 0 {
		h.log.Info("store pruned", "store", store.Name, "removed", len(done.Removed), "orphans", len(done.Orphans), "skipped", len(done.Skipped))
	}
	return err
}
