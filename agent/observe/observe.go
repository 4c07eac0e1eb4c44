package observe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/jobstate"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/schedule"
)

// Observer looks at everything that a status shows.
type Observer struct {
	// ClusterName is the name in the configuration.
	ClusterName string
	// Cluster connects to etcd. Its error means that the cluster cannot even be asked.
	Cluster func() (*etcd.Cluster, error)
	Stores  []Store
	// Jobs are the jobs of the daemon that are not switched off.
	Jobs []Job
	// Snapshots says when snapshots are due; nil if they are switched off.
	Snapshots *schedule.Schedule
	// StatePath is the file with the records of the jobs, SpoolPath the folder of snapshots that wait for a store. Neither
	// has to exist.
	StatePath, SpoolPath string
	// RecordPaths are the folders with the records of this host, the one of the state first. Version is that of this program.
	RecordPaths []string
	Version     string
	// KeepWithin is how long retention keeps a snapshot; 0 if no time limits that.
	KeepWithin time.Duration
}

// Store is a store, with its kind as people know it.
type Store struct {
	stores.Store
	Kind string
}

// Job is a job of the daemon, with the times when it is due.
type Job struct {
	Name     string
	Schedule schedule.Schedule
}

// storeLimit limits the time for the look at one store.
const storeLimit = 30 * time.Second

// Status gathers everything and judges it. Something that cannot be looked at counts against the verdict, and
// the status says so.
func (o *Observer) Status(ctx context.Context, now time.Time) status.Status {
	s := status.Status{Cluster: status.Cluster{Name: o.ClusterName}, Members: []status.Member{}, Stores: make([]status.Store, len(o.Stores)), Jobs: []status.Job{}}
	clusterErr := o.cluster(ctx, &s) // first: what a store holds counts only for the cluster that it is of
	seen := make([]Inspection, len(o.Stores))
	var looking sync.WaitGroup
	for i, store := range o.Stores {
		looking.Go(func() { s.Stores[i], seen[i] = lookAtStore(ctx, store, s.Cluster.ID, now) })
	}
	looking.Wait()
	recordErr := o.lastKnown(&s)
	nameEmergency(&s, seen, now)
	nameOdd(&s, seen)
	jobsErr := errors.Join(o.jobs(&s, now), recordErr)
	s.Agent = o.agent()
	status.Judge(&s, o.expectation(now), clusterErr, jobsErr)
	return s
}

// cluster looks at the members.
func (o *Observer) cluster(ctx context.Context, s *status.Status) error {
	cluster, err := o.Cluster()
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
		s.Members = append(s.Members, rowOf(m, survey))
	}
	return nil
}

// rowOf returns what the status shows of a member.
func rowOf(m etcd.Member, survey etcd.Survey) status.Member {
	row := status.Member{Name: m.Name, ID: etcd.HexID(m.ID), Endpoint: m.Endpoint, Role: m.Role,
		Healthy: m.Err == nil && survey.Quorum() && m.Leader == survey.Leader, Version: m.Version,
		DBSizeBytes: m.DBSize, DBInUseBytes: m.DBInUse, Revision: m.Revision, RaftIndex: m.RaftIndex, Alarms: append([]string{}, m.Alarms...)}
	if m.Err != nil {
		row.Error = m.Err.Error()
	}
	return row
}

// lookAtStore looks at one store. live is the id of the cluster that answers; "": none does.
func lookAtStore(ctx context.Context, store Store, live string, now time.Time) (status.Store, Inspection) {
	row := status.Store{Name: store.Name, Kind: store.Kind}
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	inspector := Inspector{Store: store.Store, Live: live}
	seen, err := inspector.Run(ctx, now)
	if err != nil {
		row.Error = err.Error()
		return row, Inspection{}
	}
	row.Snapshots, row.Wrong = seen.Snapshots, seen.Wrong
	if seen.Newest != nil {
		row.LastSuccess = &seen.Newest.At
		m := seen.Newest.Manifest
		row.LastProven = &status.Proven{ID: m.ID, TakenAt: m.TakenAt, Revision: m.Revision, Level: seen.Newest.Level, Store: store.Name,
			KnownSince: seen.Newest.Since.UTC(), SeenAt: now.UTC().Truncate(time.Second)}
	}
	return row, seen
}

// nameOdd notes the members whose data were at odds with the majority's when they were last compared. One that is no member any more is
// no finding.
func nameOdd(s *status.Status, seen []Inspection) {
	var newest *snapshot.Manifest
	for _, in := range seen {
		if in.Compared != nil && (newest == nil || in.Compared.TakenAt.After(newest.TakenAt)) {
			newest = in.Compared
		}
	}
	if newest == nil {
		return
	}
	for _, odd := range newest.OddMembers {
		for i, m := range s.Members {
			if m.ID == odd.ID {
				s.Members[i].Odd = fmt.Sprintf("%s (found by snapshot %s)", odd.Detail, newest.ID)
			}
		}
	}
}

// jobs reads the daemon's records of its jobs, and what waits in the spool.
func (o *Observer) jobs(s *status.Status, now time.Time) error {
	records, err := jobstate.Read(o.StatePath)
	if errors.Is(err, fs.ErrNotExist) {
		records, err = nil, nil
	}
	for _, job := range o.Jobs {
		row := status.Job{Name: job.Name}
		if r, ok := records[job.Name]; ok && !r.Ended.IsZero() {
			row.LastStarted, row.LastEnded, row.OK, row.Error = &r.Started, &r.Ended, r.OK, r.Error
		}
		if next := job.Schedule.Next(now); !next.IsZero() {
			row.Next = &next
		}
		s.Jobs = append(s.Jobs, row)
	}
	entries, spoolErr := spool.Peek(o.SpoolPath)
	waiting := spool.Waiting(entries)
	for i := range s.Stores {
		s.Stores[i].Spooled = waiting[s.Stores[i].Name]
	}
	aside, asideErr := spool.PeekAside(o.SpoolPath)
	for _, a := range aside {
		s.SetAside = append(s.SetAside, status.Aside{ID: a.ID, Reason: a.Reason})
	}
	return errors.Join(err, spoolErr, asideErr)
}

// expectation returns what the snapshot schedule promises now. The last due run may still be under way, but the one before it
// must have left a snapshot.
func (o *Observer) expectation(now time.Time) status.Expectation {
	e := status.Expectation{Now: now, KeepWithin: o.KeepWithin, Off: o.Snapshots == nil}
	if e.Off {
		return e
	}
	const far = 400 * 24 * time.Hour
	if last, ok := o.Snapshots.Last(now, now.Add(-far)); ok {
		if before, ok := o.Snapshots.Last(last.Add(-time.Second), last.Add(-far)); ok {
			e.Snapshot = before
		}
	}
	return e
}
