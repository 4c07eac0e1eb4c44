package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/schedule"
)

func statusCommand(inv *invocation) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say whether the cluster is protected: members, stores, jobs, the newest proven snapshot",
		Long: "Asks the cluster and the stores, reads what the daemon of this host recorded, and gives a verdict.\n\n" +
			"Exit codes: 0 PROTECTED; 3 AT_RISK or UNPROTECTED.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return inv.status(cmd.Context()) },
	}
}

func (inv *invocation) status(ctx context.Context) (err error) {
	h, err := inv.build()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if err := h.mayLook(); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	s := h.status(ctx, time.Now())
	if ctx.Err() != nil {
		return fmt.Errorf("status: %w", context.Cause(ctx))
	}
	if inv.json() {
		err = inv.printJSON(s)
	} else {
		err = inv.printStatus(s)
	}
	if err == nil && s.Verdict != status.Protected {
		err = silent{fmt.Errorf("status: %w: %s", agent.ErrPartial, s.Verdict)}
	}
	return err
}

// mayLook holds those back who may see neither the secrets nor the records: to them every cluster would look lost.
func (h *house) mayLook() error {
	if _, err := h.cluster(); errors.Is(err, fs.ErrPermission) {
		return err
	}
	if _, err := os.ReadDir(h.stateDir); errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// status gathers everything and judges it.
func (h *house) status(ctx context.Context, now time.Time) status.Status {
	s := status.Status{Cluster: status.Cluster{Name: h.config.Cluster.Name}, Members: []status.Member{}, Stores: make([]status.Store, len(h.stores)), Jobs: []status.Job{}}
	clusterErr := h.statusOfCluster(ctx, &s) // first: what a store holds counts only for the cluster that it is of
	proven := make([]*status.Proven, len(h.stores))
	var wg sync.WaitGroup
	for i := range h.stores {
		wg.Go(func() { s.Stores[i], proven[i] = h.statusOfStore(ctx, h.stores[i], s.Cluster.ID, now) })
	}
	wg.Wait()
	for _, p := range proven {
		if p != nil && (s.LastProven == nil || p.TakenAt.After(s.LastProven.TakenAt)) {
			s.LastProven = p
		}
	}
	jobsErr := h.statusOfJobs(&s, now)
	status.Judge(&s, h.expectation(now), clusterErr, jobsErr)
	return s
}

func (h *house) statusOfCluster(ctx context.Context, s *status.Status) error {
	cluster, err := h.cluster()
	if err != nil {
		return err
	}
	survey, err := cluster.Survey(ctx)
	if err != nil {
		return err
	}
	s.Cluster.ID = etcd.HexID(survey.ClusterID)
	for _, a := range survey.Strays {
		s.Cluster.Strays = append(s.Cluster.Strays, a.Kind+" of "+etcd.HexID(a.Member))
	}
	if who, held, err := cluster.Holder(ctx); err == nil && held {
		s.AtWork = who.String()
	}
	for _, m := range survey.Members {
		row := status.Member{Name: m.Name, ID: etcd.HexID(m.ID), Endpoint: m.Endpoint, Role: m.Role,
			Healthy: m.Err == nil && survey.Quorum() && m.Leader == survey.Leader, Version: m.Version,
			DBSizeBytes: m.DBSize, DBInUseBytes: m.DBInUse, Revision: m.Revision, RaftIndex: m.RaftIndex, Alarms: append([]string{}, m.Alarms...)}
		if m.Err != nil {
			row.Error = m.Err.Error()
		}
		s.Members = append(s.Members, row)
	}
	return nil
}

// statusOfStore looks at one store.
func (h *house) statusOfStore(ctx context.Context, store agent.Store, live string, now time.Time) (status.Store, *status.Proven) {
	row := status.Store{Name: store.Name}
	for _, s := range h.config.Stores {
		if s.Name == store.Name {
			row.Kind = s.Kind()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	inspector := agent.Inspector{Store: store, Live: live}
	seen, err := inspector.Run(ctx, now)
	if err != nil {
		row.Error = err.Error()
		return row, nil
	}
	row.Snapshots, row.Wrong = seen.Snapshots, seen.Wrong
	if seen.Newest == nil {
		return row, nil
	}
	m := seen.Newest.Manifest
	row.LastSuccess = &seen.Newest.At
	return row, &status.Proven{ID: m.ID, TakenAt: m.TakenAt, Revision: m.Revision, Level: seen.Newest.Level, Store: store.Name}
}

// statePath is where the daemon keeps when its jobs last ran.
func (h *house) statePath() string { return filepath.Join(h.stateDir, "schedule.json") }

// statusOfJobs reads what the daemon recorded, and what waits in the spool.
func (h *house) statusOfJobs(s *status.Status, now time.Time) error {
	records, err := schedule.ReadState(h.statePath())
	if errors.Is(err, fs.ErrNotExist) {
		records, err = nil, nil
	}
	for _, job := range h.schedules() {
		row := status.Job{Name: job.name}
		if r, ok := records[job.name]; ok && !r.Ended.IsZero() {
			row.LastStarted, row.LastEnded, row.OK, row.Error = &r.Started, &r.Ended, r.OK, r.Error
		}
		if next := job.schedule.Next(now); !next.IsZero() {
			row.Next = &next
		}
		s.Jobs = append(s.Jobs, row)
	}
	waiting, spoolErr := h.waiting()
	for i := range s.Stores {
		s.Stores[i].Spooled = waiting[s.Stores[i].Name]
	}
	return errors.Join(err, spoolErr)
}

// waiting counts what waits in the spool, and makes no folder for it.
func (h *house) waiting() (map[string]int, error) {
	entries, err := spool.Peek(h.spoolPath())
	return spool.Waiting(entries), err
}

// expectation is what the snapshot schedule promises now: with the last run perhaps still going on, the one before it must have
// left a snapshot.
func (h *house) expectation(now time.Time) status.Expectation {
	e := status.Expectation{Now: now}
	s := h.config.Snapshot.Schedule
	if s.Off() {
		return e
	}
	const far = 400 * 24 * time.Hour
	if last, ok := s.Last(now, now.Add(-far)); ok {
		if before, ok := s.Last(last.Add(-time.Second), last.Add(-far)); ok {
			e.Snapshot = before
		}
	}
	return e
}

func (inv *invocation) printStatus(s status.Status) error {
	fmt.Fprintf(inv.out, "%s  cluster %s %s\n", s.Verdict, s.Cluster.Name, s.Cluster.ID)
	for _, reason := range s.Reasons {
		fmt.Fprintf(inv.out, "  - %s\n", reason)
	}
	if s.AtWork != "" {
		fmt.Fprintf(inv.out, "At work: %s\n", s.AtWork)
	}
	if p := s.LastProven; p != nil {
		fmt.Fprintf(inv.out, "Newest proven: %s in store %s, level %d of 5\n", p.ID, p.Store, p.Level)
	}
	rows := [][]string{{"\nMEMBER", "ROLE", "HEALTHY", "VERSION", "DB SIZE", "IN USE", "REVISION", "RAFT INDEX", "ALARMS"}}
	for _, m := range s.Members {
		rows = append(rows, []string{m.Name, m.Role, yesNo(m.Healthy), m.Version, bytesText(m.DBSizeBytes), bytesText(m.DBInUseBytes),
			fmt.Sprint(m.Revision), fmt.Sprint(m.RaftIndex), strings.Join(m.Alarms, " ")})
	}
	rows = append(rows, []string{"\nSTORE", "KIND", "SNAPSHOTS", "NEWEST PROVEN", "WAITING HERE"})
	for _, st := range s.Stores {
		count := fmt.Sprint(st.Snapshots)
		if st.Error != "" {
			count = "not known"
		}
		rows = append(rows, []string{st.Name, st.Kind, count, timeOrDash(st.LastSuccess), fmt.Sprint(st.Spooled)})
	}
	rows = append(rows, []string{"\nJOB", "LAST STARTED", "LAST ENDED", "OUTCOME", "NEXT"})
	for _, j := range s.Jobs {
		outcome := "never ran on this host"
		if j.LastEnded != nil {
			outcome = "ok"
			if !j.OK {
				outcome = "failed"
			}
		}
		rows = append(rows, []string{j.Name, timeOrDash(j.LastStarted), timeOrDash(j.LastEnded), outcome, timeOrDash(j.Next)})
	}
	return inv.sections(rows)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func timeOrDash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return timeText(*t)
}
