package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/defrag"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/schedule"
)

// coordinator lets one agent of all hosts act at a time.
func (h *house) coordinator(cluster *etcd.Cluster) (*agent.Coordinator, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return &agent.Coordinator{Cluster: cluster, Host: host, Log: h.log}, nil
}

// compactor gives up old history. Its notes are this host's.
func (h *house) compactor(cluster *etcd.Cluster) *agent.Compactor {
	return &agent.Compactor{Cluster: cluster, Keep: h.config.Compaction.Keep, Path: filepath.Join(h.stateDir, "revisions.json"), Log: h.log}
}

// defragmenter rewrites database files, by the thresholds of the configuration.
func (h *house) defragmenter(cluster *etcd.Cluster) *agent.Defragmenter {
	c := h.config.Defrag
	return &agent.Defragmenter{Cluster: cluster, Compactor: h.compactor(cluster), FreeDisk: freeDisk, Log: h.log, Rules: defrag.Rules{
		MinReclaimable: int64(c.MinReclaimable), MinRatio: c.MinReclaimableRatio, MoveLeader: c.MoveLeader, Pause: c.Pause}}
}

// etcdFolders are where distributions keep the database; its file system can be asked without a right to read it.
var etcdFolders = []string{"/var/lib/etcd", "/var/lib/rancher/rke2/server/db/etcd", "/var/lib/rancher/k3s/server/db/etcd"}

// freeDisk tells the free bytes of the disk that a member of this host keeps its database on.
func freeDisk(m etcd.Member) (int64, bool) {
	if !m.Local {
		return 0, false
	}
	for _, folder := range etcdFolders {
		var fs unix.Statfs_t
		if err := unix.Statfs(folder, &fs); err == nil {
			return int64(fs.Bavail) * fs.Bsize, true
		}
	}
	return 0, false
}

// maintenance is the daemon's part in the upkeep of the cluster.
type maintenance struct {
	coordinator  *agent.Coordinator
	compactor    *agent.Compactor
	defragmenter *agent.Defragmenter

	window     context.Context // of the defragmentation under way
	deliveries sync.WaitGroup  // of snapshots that were taken between two members
	delivering sync.Mutex      // one at a time
}

func (h *house) maintenance() (*maintenance, error) {
	cluster, err := h.cluster()
	if err != nil {
		return nil, err
	}
	coordinator, err := h.coordinator(cluster)
	if err != nil {
		return nil, err
	}
	m := &maintenance{coordinator: coordinator, defragmenter: h.defragmenter(cluster)}
	m.compactor = m.defragmenter.Compactor
	return m, nil
}

// outlast makes the lock live as long as one of the last two voters may be away: without a quorum it cannot be renewed.
func (m *maintenance) outlast(ctx context.Context, job *agent.Defragmenter, member string) error {
	if member == "" {
		return nil
	}
	plan, err := job.Plan(ctx, time.Time{})
	if err != nil && ctx.Err() == nil {
		return nil // the run says it
	}
	if err != nil {
		return err
	}
	if step, more := plan.Next(); more && votersOf(plan) <= 2 {
		m.coordinator.LockTTL = max(etcd.LockTTL, agent.DefragBound(step.Estimate)).Round(time.Second)
	}
	return nil
}

// votersOf counts the members of a plan that vote.
func votersOf(plan defrag.Plan) (n int) {
	for _, s := range plan.Steps {
		if !s.Member.Learner {
			n++
		}
	}
	return n
}

// jobs are the scheduled runs; the caller gives them their names and schedules.
func (m *maintenance) jobs(h *house) map[string]schedule.Job {
	return map[string]schedule.Job{
		"compaction": {Limit: compactionLimit, Run: func(ctx context.Context, run schedule.Run) error {
			// Compaction is harmless when two hosts do it, and NOSPACE is when it is needed most.
			due := agent.DueRun{Job: "compaction", Due: run.Due, WithoutLock: agent.WhileFull}
			_, err := m.coordinator.Attend(ctx, due, func(ctx context.Context) error {
				_, err := m.compactor.Run(ctx)
				return err
			})
			return err
		}},
		"defrag": {Window: h.config.Defrag.Window, Run: func(ctx context.Context, run schedule.Run) error {
			// What failed in this window is left for the next: another host would fail likewise.
			m.window = ctx
			due := agent.DueRun{Job: "defrag", Due: run.Due, Once: true, WithoutLock: m.coordinator.WhileFullAtLeader}
			_, err := m.coordinator.Attend(ctx, due, func(ctx context.Context) error {
				job := *m.defragmenter
				job.Between = run.Yield
				_, err := job.Run(ctx, run.Closes)
				return err
			})
			m.deliveries.Wait() // without the lock
			return err
		}},
	}
}

// snapshot takes the due snapshot, unless another host did. An agent whose own member is to serve goes first, and one that reached no
// store the last time goes last; without a lock each takes its own. The lock is given back once the snapshot is in the spool: a store
// that is slow holds up nothing else in the cluster.
func (m *maintenance) snapshot(job *agent.Snapshotter, settle func(context.Context, agent.Taken, error) error) func(context.Context, schedule.Run) error {
	var unreached atomic.Bool // by the last delivery
	deliver := func(ctx context.Context, manifest snapshot.Manifest) error {
		taken, err := job.Deliver(ctx, manifest)
		unreached.Store(err != nil && len(taken.Stored) == 0)
		return settle(ctx, taken, err)
	}
	return func(ctx context.Context, r schedule.Run) error {
		due := agent.DueRun{Job: "snapshot", Due: r.Due, WithoutLock: agent.Anyway,
			Yield: func(ctx context.Context) bool { return unreached.Load() || !m.servesHere(ctx, job.Policy) }}
		var manifest snapshot.Manifest
		ran, err := m.coordinator.Attend(ctx, due, func(ctx context.Context) (err error) {
			manifest, err = job.Take(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if !ran && etcd.LockOf(ctx) == nil {
			err := job.Courier.CatchUp(ctx)
			if err == nil {
				unreached.Store(false)
			}
			return err
		}
		if !ran {
			return nil // between two members of a window nothing waits for a store
		}
		if etcd.LockOf(ctx) == nil {
			return deliver(ctx, manifest)
		}
		// Between two members of a window the next one does not wait for a store.
		m.deliveries.Go(func() {
			m.delivering.Lock()
			defer m.delivering.Unlock()
			// The run that took it is over by then.
			if err := deliver(m.window, manifest); err != nil && m.window.Err() == nil {
				job.Log.Error("job failed", "job", "snapshot", "due", r.Due.Format(time.RFC3339), "error", err)
			}
		})
		return nil
	}
}

// servesHere says whether the member that would be chosen is this host's.
func (m *maintenance) servesHere(ctx context.Context, policy string) bool {
	survey, err := m.coordinator.Cluster.Survey(ctx)
	if err != nil {
		return false
	}
	candidates, _, err := etcd.Choose(survey, policy)
	return err == nil && candidates[0].Member.Local
}

// watch notes revisions until ctx ends; without it no compaction knows how old anything is.
func (m *maintenance) watch(ctx context.Context) {
	m.compactor.Watch(ctx, agent.NoteEvery(m.compactor.Keep))
}

// awaitOthers waits until no agent of any host is at work on the cluster. It only reads: a snapshot taken by hand must not change the
// cluster that it is of. Where the lock cannot be read, for want of a quorum, nobody can hold it.
func (h *house) awaitOthers(ctx context.Context) error {
	cluster, err := h.cluster()
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for said := false; ; said = true {
		who, held, err := cluster.Holder(ctx)
		if err != nil || !held {
			return ctx.Err()
		}
		if !said {
			h.log.Info("waiting for another agent", "task", "snapshot", "at_work", who.String())
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// rested says whether a run did not take place since the state of the cluster forbids it.
func rested(err error) bool { return errors.Is(err, agent.ErrRests) }
