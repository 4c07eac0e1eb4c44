// Package round takes a snapshot from the cluster to the stores. The daemon, the verb and the demonstration all run this same code. It knows
// the order of the steps; the rooms below know how each step is done.
//
// Its one invariant: the cluster's lock is given back before a store is written to, and nothing is pruned before the new snapshot is proven and stored.
package round

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/backup"
	"github.com/etcdward/etcdward/agent/coordination"
	"github.com/etcdward/etcdward/agent/delivery"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/prune"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
)

// Job is the name of the job on the record that the agents of all hosts share.
const Job = "snapshot"

// Round takes a snapshot, brings it to the stores, and prunes those that have it.
type Round struct {
	Cluster     *etcd.Cluster
	Coordinator *coordination.Coordinator
	Snapshotter *backup.Snapshotter
	Courier     *delivery.Courier
	Stores      []stores.Store
	// Pruner makes the pruner of a store for the cluster with this etcd id; nil means that nothing is pruned.
	Pruner func(store stores.Store, live string) *prune.Pruner
	Log    *slog.Logger
	// LaterFailed is told why a snapshot could not be delivered whose round had ended before, as DeliverLater has it; nil: only the log is.
	LaterFailed func(err error)
	// OnPruned is told of each store that could be read in order to prune it: why nothing may be removed there, or nil; nil: nobody is.
	OnPruned func(store string, held error)

	unreached atomic.Bool // the last delivery reached no store
}

// Options are the parts that one round leaves out.
type Options struct {
	// ByHand means that a person asked for this snapshot, and not a schedule. The round takes no lock, since writing the lock would change
	// the cluster of the snapshot. Instead it waits until no agent of any host is at work. Due is not used.
	ByHand bool
	// KeepAll means that no store is pruned.
	KeepAll bool
	// Due is the instant for which the round runs. It is the same on all hosts, and only one of them takes that
	// snapshot.
	Due time.Time
}

// Run makes a round. If the snapshot was left to another host, the result is zero, and Run delivers what an earlier round could
// not. The error wraps agent.ErrPartial if the work was done with findings; after any other error no store has a new snapshot.
func (r *Round) Run(ctx context.Context, o Options) (delivery.Result, error) {
	if o.ByHand {
		return r.byHand(ctx, o)
	}
	due := coordination.DueRun{Job: Job, Due: o.Due, WithoutLock: coordination.AlwaysWithoutLock,
		Yield: func(ctx context.Context) bool { return r.unreached.Load() || !r.servesHere(ctx) }}
	var m snapshot.Manifest
	ran, err := r.Coordinator.RunDue(ctx, due, func(ctx context.Context) (err error) {
		m, err = r.Snapshotter.Take(ctx)
		return err
	})
	switch {
	case err != nil:
		return delivery.Result{}, err
	case !ran && etcd.LockOf(ctx) != nil:
		return delivery.Result{}, nil // between two members of a window the round does not wait for a store
	case !ran:
		return delivery.Result{}, r.catchUp(ctx)
	}
	if later, ok := laterOf(ctx); ok {
		later(func(ctx context.Context) {
			if _, err := r.deliver(ctx, m, o); err != nil && ctx.Err() == nil {
				r.Log.Error("job failed", "job", Job, "due", o.Due.Format(time.RFC3339), "error", err)
				if r.LaterFailed != nil && !errors.Is(err, agent.ErrPartial) {
					r.LaterFailed(err)
				}
			}
		})
		return delivery.Result{}, nil
	}
	return r.deliver(ctx, m, o)
}

// byHand takes and delivers a snapshot without the lock.
func (r *Round) byHand(ctx context.Context, o Options) (delivery.Result, error) {
	if err := r.awaitOthers(ctx); err != nil {
		return delivery.Result{}, err
	}
	m, err := r.Snapshotter.Take(ctx)
	if err != nil {
		return delivery.Result{}, err
	}
	return r.deliver(ctx, m, o)
}

// deliver brings a snapshot to the stores, logs the outcome, and prunes the stores that have it.
func (r *Round) deliver(ctx context.Context, m snapshot.Manifest, o Options) (delivery.Result, error) {
	result, err := r.Courier.Deliver(ctx, m)
	r.unreached.Store(err != nil && len(result.Stored) == 0)
	if !result.Manifest.Proven() || len(result.Stored) == 0 {
		return result, err
	}
	if !o.ByHand {
		r.announce(ctx, result)
	}
	if o.KeepAll || r.Pruner == nil {
		return result, err
	}
	for _, store := range r.Stores {
		if _, failed := result.Failed[store.Name]; failed {
			continue
		}
		err = errors.Join(err, r.pruneStore(ctx, store, result.Manifest.Cluster.ID))
	}
	return result, err
}

// announce logs that there is a new snapshot.
func (r *Round) announce(ctx context.Context, result delivery.Result) {
	m := result.Manifest
	level, message := slog.LevelInfo, "snapshot proven"
	if m.Emergency {
		level, message = slog.LevelWarn, "emergency snapshot stored"
	}
	r.Log.Log(ctx, level, message, "snapshot", m.ID, "revision", m.Revision, "keys", m.TotalKeys, "size_bytes", m.SizeBytes,
		"member", m.Member.Name, "role", m.Member.Role, "stores", len(result.Stored))
}

func (r *Round) pruneStore(ctx context.Context, store stores.Store, live string) error {
	done, err := r.Pruner(store, live).Run(ctx)
	if held := errors.Is(err, prune.ErrHeld); r.OnPruned != nil && held {
		r.OnPruned(store.Name, err)
	} else if r.OnPruned != nil && err == nil {
		r.OnPruned(store.Name, nil)
	}
	if len(done.Removed)+len(done.Orphans) > 0 {
		r.Log.Info("store pruned", "store", store.Name, "removed", len(done.Removed), "orphans", len(done.Orphans), "skipped", len(done.Skipped))
	}
	return err
}

// catchUp delivers what waits in the spool of a host that took no snapshot this time.
func (r *Round) catchUp(ctx context.Context) error {
	err := r.Courier.CatchUp(ctx)
	if err == nil {
		r.unreached.Store(false)
	}
	return err
}

// servesHere reports whether the member that would be chosen is on this host.
func (r *Round) servesHere(ctx context.Context) bool {
	survey, err := r.Cluster.Survey(ctx)
	if err != nil {
		return false
	}
	candidates, _, err := etcd.Choose(survey, r.Snapshotter.Policy)
	return err == nil && candidates[0].Member.Local
}

// awaitOthers waits until no agent of any host is at work on the cluster. It only reads. If the lock cannot be read because there
// is no quorum, nobody can hold it.
func (r *Round) awaitOthers(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for said := false; ; said = true {
		who, held, err := r.Cluster.Holder(ctx)
		if err != nil || !held {
			return ctx.Err()
		}
		if !said {
			r.Log.Info("waiting for another agent", "task", Job, "holder", who.String())
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
