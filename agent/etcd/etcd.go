// Package etcd is the agent's view of a cluster: its members, their state, the choice of the one that serves a
// snapshot, and the stream itself. It knows neither snapshot files nor stores.
//
// Its one invariant: every call reaches the member that it names. Whoever answers under a member's URL must show
// that member's id.
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

// The errors of a call; package connection explains them.
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

// New prepares the connections, and makes none before the first call. An error means that the options cannot
// work because a file is missing or unreadable.
func New(o Options) (*Cluster, error) {
	pool, err := connection.New(o)
	if err != nil {
		return nil, err
	}
	return &Cluster{pool: pool, seeds: o.Endpoints}, nil
}

// Close ends all connections.
func (c *Cluster) Close() error { return c.pool.Close() }

// route finds the healthy voters, those of this host first. Its error wraps ErrNoQuorum, or is that of
// Survey.
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
