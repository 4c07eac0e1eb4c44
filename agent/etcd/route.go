package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrNoQuorum means that no majority of the voters answers and agrees on a leader. Nothing can be written and
// no lock be held; a member may still give a snapshot in an emergency.
var ErrNoQuorum = errors.New("no quorum is seen from here")

// route is the members that lead to the cluster's data, the one that answered last in front. Any of them will do,
// since every call that takes a route needs the quorum. It is safe for concurrent use.
type route struct {
	cluster *Cluster
	mu      sync.Mutex
	urls    []string
}

// route looks for the healthy voters, those of this host first. Its error wraps ErrNoQuorum, or is Survey's.
func (c *Cluster) route(ctx context.Context) (*route, error) {
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
	r := &route{cluster: c}
	for _, local := range []bool{true, false} {
		for _, m := range s.Members {
			if m.Err == nil && !m.Learner && m.Leader == s.Leader && m.Local == local {
				r.urls = append(r.urls, m.Endpoint)
			}
		}
	}
	return r, nil
}

// call runs one call on one member after the other until one can answer. timeout is for each; 0: the usual one.
func (r *route) call(ctx context.Context, timeout time.Duration, what string, do func(context.Context, *grpc.ClientConn) error) error {
	if timeout == 0 {
		timeout = r.cluster.options.CallTimeout
	}
	var errs error
	for _, url := range r.order() {
		err := r.cluster.callFor(ctx, timeout, url, what, do)
		if err == nil {
			r.prefer(url)
			return nil
		}
		errs = errors.Join(errs, err)
		if ctx.Err() != nil || !elsewhere(err) {
			break
		}
	}
	return errs
}

func (r *route) order() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.urls)
}

// prefer puts a member in front.
func (r *route) prefer(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.urls, url); i > 0 {
		r.urls = slices.Insert(slices.Delete(r.urls, i, i+1), 0, url)
	}
}

// first is the member that answered last.
func (r *route) first() string { return r.order()[0] }

// demote puts a member last, after it left a stream hanging.
func (r *route) demote(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.urls, url); i >= 0 {
		r.urls = append(slices.Delete(r.urls, i, i+1), url)
	}
}

// elsewhere says whether another member may succeed where one gave this error: it is about the member or the way
// to it, and not about what was asked.
func elsewhere(err error) bool {
	s, ok := grpcStatus(err)
	if !ok {
		return !errors.Is(err, ErrLockLost)
	}
	return s.Code() == codes.Unavailable || s.Code() == codes.DeadlineExceeded || s.Code() == codes.Canceled
}

// grpcStatus finds the status inside a wrapped error.
func grpcStatus(err error) (*status.Status, bool) {
	var carrier interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &carrier) {
		return nil, false
	}
	return carrier.GRPCStatus(), true
}
