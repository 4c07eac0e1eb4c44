package etcd

import (
	"context"
	"fmt"

	"github.com/etcdward/etcdward/agent/etcd/lock"
)

// The lock of a cluster, as package lock explains it.
type (
	// Lock is the right to disturb the cluster.
	Lock = lock.Lock
	// Holder says who holds the lock, and for what.
	Holder = lock.Holder
	// Run is what the cluster remembers of the last due run of one job.
	Run = lock.Run
)

// LockTTL is how long a lock outlives a holder that was killed.
const LockTTL = lock.DefaultTTL

// Errors of the lock and of what was kept under it.
var (
	ErrLockLost    = lock.ErrLost
	ErrUndecodable = lock.ErrUndecodable
)

// LockOf is the lock under which a context runs; nil: none.
func LockOf(ctx context.Context) *Lock { return lock.Of(ctx) }

// Hold waits for the lock until ctx ends, and runs do while it is held: see [lock.Hold].
func (c *Cluster) Hold(ctx context.Context, who Holder, do func(ctx context.Context, l *Lock) error) error {
	return lock.Hold(ctx, c.route, who, do)
}

// Holder returns who holds the lock now; false: nobody. Its error is that of a read through the quorum.
func (c *Cluster) Holder(ctx context.Context) (Holder, bool, error) {
	r, err := c.route(ctx)
	if err != nil {
		return Holder{}, false, fmt.Errorf("recall lock: %w", err)
	}
	return lock.Current(ctx, r)
}

// Recall reads what was kept under a name below etcdward/ into v; false: there is nothing. Its error wraps
// ErrUndecodable, or is that of a read through the quorum.
func (c *Cluster) Recall(ctx context.Context, name string, v any) (bool, error) {
	r, err := c.route(ctx)
	if err != nil {
		return false, fmt.Errorf("recall %s: %w", name, err)
	}
	return lock.Recall(ctx, r, name, v)
}

// LastRun reads, through the quorum, what is remembered of a job; false: it never ran.
func (c *Cluster) LastRun(ctx context.Context, job string) (Run, bool, error) {
	r, err := c.route(ctx)
	if err != nil {
		return Run{}, false, fmt.Errorf("recall runs/%s: %w", job, err)
	}
	return lock.LastRun(ctx, r, job)
}
