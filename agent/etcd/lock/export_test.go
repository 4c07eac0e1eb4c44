package lock

import (
	"context"

	"github.com/etcdward/etcdward/agent/etcd/connection"
)

// Abandoned takes a lock and neither renews it nor gives it back, as a killed process leaves it.
func Abandoned(ctx context.Context, r *connection.Route, who Holder) (*Lock, error) {
	l, _, err := tryLock(ctx, r, who)
	return l, err
}

// Revoke takes the lock from its holder, as an operator can.
func (l *Lock) Revoke(ctx context.Context) { revoke(ctx, l.route, l.lease) }

// First is the member through which the lock was last renewed.
func (l *Lock) First() string { return l.route.First() }
