package etcd

import (
	"context"
	"fmt"

	"github.com/etcdward/etcdward/agent/etcd/lock"
)

// The lock of a cluster; package lock explains it.
type (
	// Lock is the right to disturb the cluster.
	Lock = lock.Lock
	// Holder says who holds the lock, and for what.
	Holder = lock.Holder
	// Run is the record, kept in the cluster, of the last due run of one job.
	Run = lock.Run
)

// LockTTL is how long a lock outlives a holder that was killed.
const LockTTL = lock.DefaultTTL

// The errors of the lock and of the records that are kept under it.
var (
	ErrLockLost    = lock.ErrLost
	ErrUndecodable = lock.ErrUndecodable
)

// LockOf returns the lock under which a context runs; nil if there is none.
func LockOf(ctx context.Context) *Lock { return lock.Of(ctx) }

// Hold waits for the lock until ctx ends, and runs do while it holds the lock: see [lock.Hold].
func (c *Cluster) Hold(ctx context.Context, who Holder, do func(ctx context.Context, l *Lock) error) error {
	return lock.Hold(ctx, c.route, who, do)
}

// Holder returns who holds the lock now; false if nobody does. Its error is that of a read through the
// quorum.
func (c *Cluster) Holder(ctx context.Context) (Holder, bool, error) {
	r, err := c.route(ctx)
	if err != nil {
		return Holder{}, false, fmt.Errorf("recall lock: %w", err)
	}
	return lock.Current(ctx, r)
}

// Recall reads the record under a name below etcdward/ into v; false if there is none. Its error wraps
// ErrUndecodable, or is that of a read through the quorum.
func (c *Cluster) Recall(ctx context.Context, name string, v any) (bool, error) {
	r, err := c.route(ctx)
	if err != nil {
		return false, fmt.Errorf("recall %s: %w", name, err)
	}
	return lock.Recall(ctx, r, name, v)
}

// LastRun reads the record of a job through the quorum; false if the job never ran.
func (c *Cluster) LastRun(ctx context.Context, job string) (Run, bool, error) {
	r, err := c.route(ctx)
	if err != nil {
		return Run{}, false, fmt.Errorf("recall runs/%s: %w", job, err)
	}
	return lock.LastRun(ctx, r, job)
}
