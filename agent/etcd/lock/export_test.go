package lock

import (
	"context"

	"github.com/etcdward/etcdward/agent/etcd/connection"
)

// Abandoned is a lock that is taken and neither renewed nor given back, as a process leaves it that was killed.
func Abandoned(ctx context.Context, r *connection.Route, who Holder) (*Lock, error) {
	l, _, err := tryLock(ctx, r, who)
	return l, err
}

// Revoke takes the lock from its holder, as an operator can.
func (l *Lock) Revoke(ctx context.Context) { revoke(ctx, l.route, l.lease) }

// First is the member that the lock was renewed at last.
func (l *Lock) First() string { return l.route.First() }
