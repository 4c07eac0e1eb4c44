// Package etcd is the agent's view of a cluster: who its members are, how they fare, which of them is to serve a
// snapshot, and the stream itself. It knows no files of snapshots and no store.
//
// Its one invariant: every call goes to the very member it names. What answers under a member's URL must show that
// member's id.
package etcd

import (
	"context"
	"errors"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/etcdward/etcdward/agent/etcd/connection"
)

// Options say how a cluster is reached.
type Options = connection.Options

// Errors of a call, as package connection explains them.
var (
	ErrUnreachable = connection.ErrUnreachable
	ErrDenied      = connection.ErrDenied
	ErrAuthFailed  = connection.ErrAuthFailed
	ErrNoQuorum    = connection.ErrNoQuorum
	ErrNoSpace     = connection.ErrNoSpace
	ErrCorrupt     = connection.ErrCorrupt
)

// Cluster is one cluster as seen from this host. It is safe for concurrent use.
type Cluster struct {
	pool  *connection.Pool
	seeds []string
}

// New prepares the connections; none is made before the first call. The error means that the options
// cannot work: a file that is missing or unreadable.
func New(o Options) (*Cluster, error) {
	pool, err := connection.New(o)
	if err != nil {
		return nil, err
	}
	return &Cluster{pool: pool, seeds: o.Endpoints}, nil
}

// Close ends all connections.
func (c *Cluster) Close() error { return c.pool.Close() }

// route looks for the healthy voters, those of this host first. Its error wraps ErrNoQuorum, or is Survey's.
func (c *Cluster) route(ctx context.Context) (*connection.Route, error) {
	s, err := c.Survey(ctx)
	if err != nil {
		return nil, err
	}
	if !s.Quorum() {
		var why error
		for _, m := range s.Members {
			if m.Err != nil {
				why = errors.Join(why, fmt.Errorf("%s: %w", m.Name, m.Err))
			}
		}
		return nil, errors.Join(ErrNoQuorum, why)
	}
	var urls []string
	for _, local := range []bool{true, false} {
		for _, m := range s.Members {
			if m.Err == nil && !m.Learner && m.Leader == s.Leader && m.Local == local {
				urls = append(urls, m.Endpoint)
			}
		}
	}
	return connection.NewRoute(c.pool, urls), nil
}

// maintenance calls one Maintenance RPC.
func maintenance[Req, Resp any](rpc func(pb.MaintenanceClient, context.Context, Req, ...grpc.CallOption) (Resp, error), req Req, resp *Resp) func(context.Context, *grpc.ClientConn) error {
	return func(ctx context.Context, conn *grpc.ClientConn) (err error) {
		*resp, err = rpc(pb.NewMaintenanceClient(conn), ctx, req)
		return err
	}
}
