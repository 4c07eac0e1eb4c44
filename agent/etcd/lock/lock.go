// Package lock is the right to disturb a cluster. Only one agent has it at a time, and etcd refuses writes under it once it is lost. The
// package also keeps the record of which host did which due run of a job, which is written under the lock.
//
// It knows neither the members of the cluster nor the work that is done under the lock.
//
// Its one invariant: a write under a lock that has lapsed changes nothing (the fence).
package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent/etcd/connection"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
)

const (
	// Key is the key of the lock in etcd.
	Key = Prefix + "lock"
	// DefaultTTL is how long a lock outlives a holder that was killed. It is long enough for the election of a leader and
	// the stall of a member, and short enough for another agent to take over soon.
	DefaultTTL = 15 * time.Second
	// releaseTimeout limits the call that gives the lock back. A lock that could not be given back lapses by
	// itself.
	releaseTimeout = 5 * time.Second
)

// ErrLost means that the lock lapsed while its holder worked, so that another agent may already be at work.
// The holder must not begin anything that disturbs the cluster, and its unfinished work counts as not done.
var ErrLost = errors.New("the lock was lost")

// Holder says who holds the lock, and for what.
type Holder struct {
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Task  string    `json:"task"`
	Since time.Time `json:"since"`
	// TTL is how long the lock outlives a holder that was killed, in whole seconds. 0 means DefaultTTL.
	TTL time.Duration `json:"-"`
	// Beside names another lock than that of the cluster, for work that does not disturb it and must happen once all the same. "":
	// the cluster's.
	Beside string `json:"-"`
}

// key is the key of the lock in etcd.
func (h Holder) key() string {
	if h.Beside != "" {
		return Key + "/" + h.Beside
	}
	return Key
}

// String describes the holder in words.
func (h Holder) String() string {
	return fmt.Sprintf("%s on %s (pid %d) since %s", h.Task, h.Host, h.PID, h.Since.UTC().Format(time.RFC3339))
}

// Lock is the right to disturb the cluster. It exists only while Hold runs.
type Lock struct {
	route   *connection.Route
	key     string
	lease   int64
	created int64 // the revision that created the key: the fence of every write under the lock

	until time.Time // by the clock of this host, never later than etcd's; only keep uses it once keep runs

	mu     sync.Mutex
	holder Holder
}

// Find returns the members through which the quorum can be reached now. Its error wraps connection.ErrNoQuorum, or means that
// nothing is known.
type Find func(ctx context.Context) (*connection.Route, error)

// Hold waits for the lock until ctx ends, and runs do while it holds the lock. The context of do carries the lock
// for Of, and ends with the cause ErrLost if the lock lapses. Hold gives the lock back when do returns, even if ctx
// has ended.
//
// The error is that of do, joined with ErrLost if the lock lapsed. If the lock could not be taken, do did not run,
// and the error wraps ErrNoQuorum, ErrNoSpace, ErrCorrupt, ErrUnreachable, ErrDenied or the cause of ctx's end.
func Hold(ctx context.Context, find Find, who Holder, do func(ctx context.Context, l *Lock) error) error {
	if who.TTL == 0 {
		who.TTL = DefaultTTL
	}
	l, err := acquire(ctx, find, who)
	if err != nil {
		return fmt.Errorf("take lock: %w", err)
	}
	held, end := context.WithCancelCause(context.WithValue(ctx, lockInContext{}, l))
	var wg sync.WaitGroup
	wg.Go(func() { l.keep(held, end) })
	defer func() {
		end(nil)
		wg.Wait()
		l.release(ctx)
	}()
	err = do(held, l)
	if lost := context.Cause(held); errors.Is(lost, ErrLost) && !errors.Is(err, ErrLost) {
		err = errors.Join(lost, err)
	}
	return err
}

type lockInContext struct{}

// Of returns the lock under which a context runs; nil if there is none. Work inside a longer job uses that
// job's lock.
func Of(ctx context.Context) *Lock {
	l, _ := ctx.Value(lockInContext{}).(*Lock)
	return l
}

// Current returns who holds the lock now; false if nobody does. Its error is that of a read through the
// quorum.
func Current(ctx context.Context, r *connection.Route) (Holder, bool, error) {
	var h Holder
	found, err := Recall(ctx, r, "lock", &h)
	return h, found, err
}

// Task records what the holder does now, for those who ask. It fails with ErrLost if another agent has the
// lock.
func (l *Lock) Task(ctx context.Context, task string) error {
	l.mu.Lock()
	h := l.holder
	l.mu.Unlock()
	h.Task = task
	if err := l.put(ctx, h.key(), h, l.lease); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holder = h
	return nil
}

// Holder returns what this lock tells others about its holder.
func (l *Lock) Holder() Holder {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holder
}

// Recall does what the cluster's Recall does, over the connection that renews the lock.
func (l *Lock) Recall(ctx context.Context, name string, v any) (bool, error) {
	return Recall(ctx, l.route, name, v)
}

// Keep writes v, as JSON, under a name below etcdward/, and only while the lock is held. If it returns ErrLost,
// nothing was written.
func (l *Lock) Keep(ctx context.Context, name string, v any) error {
	return l.put(ctx, Prefix+name, v, 0)
}

// put writes under the fence: the transaction fails unless the lock's key is still the one that l created.
func (l *Lock) put(ctx context.Context, key string, v any, lease int64) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	var resp *pb.TxnResponse
	err = l.route.Call(ctx, 0, "write "+key+" to", func(ctx context.Context, conn *grpc.ClientConn) (err error) {
		resp, err = pb.NewKVClient(conn).Txn(ctx, &pb.TxnRequest{
			Compare: []*pb.Compare{comparing(l.key, l.created)},
			Success: []*pb.RequestOp{putting(key, value, lease)},
		})
		return err
	})
	if err != nil {
		return connection.Refused(err)
	}
	if !resp.Succeeded {
		return fmt.Errorf("write %s: %w", key, ErrLost)
	}
	return nil
}

// release gives the lock back by ending its lease. It does not depend on ctx, which may have ended.
func (l *Lock) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	revoke(ctx, l.route, l.lease)
}

// revoke ends a lease. It returns no error, since a lease that was not revoked lapses by itself.
func revoke(ctx context.Context, r *connection.Route, lease int64) {
	_ = r.Call(ctx, 0, "revoke lease at", func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := pb.NewLeaseClient(conn).LeaseRevoke(ctx, &pb.LeaseRevokeRequest{ID: lease})
		return err
	})
}
