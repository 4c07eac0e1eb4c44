package connection

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Route is the members that lead to the cluster's data, the one that answered last in front. Any of them will do,
// since every call that takes a route needs the quorum. It is safe for concurrent use.
type Route struct {
	pool *Pool
	mu   sync.Mutex
	urls []string
}

// NewRoute is a route over the members with these URLs, the one to ask first in front.
func NewRoute(pool *Pool, urls []string) *Route { return &Route{pool: pool, urls: urls} }

// Call runs one call on one member after the other until one can answer. timeout is for each; 0: the usual one.
func (r *Route) Call(ctx context.Context, timeout time.Duration, what string, do func(context.Context, *grpc.ClientConn) error) error {
	if timeout == 0 {
		timeout = r.pool.options.CallTimeout
	}
	var errs error
	for _, url := range r.order() {
		err := r.pool.CallFor(ctx, timeout, url, what, do)
		if err == nil {
			r.prefer(url)
			return nil
		}
		errs = errors.Join(errs, err)
		if ctx.Err() != nil || !Elsewhere(err) {
			break
		}
	}
	return errs
}

func (r *Route) order() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.urls)
}

// prefer puts a member in front.
func (r *Route) prefer(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.urls, url); i > 0 {
		r.urls = slices.Insert(slices.Delete(r.urls, i, i+1), 0, url)
	}
}

// Conn gives the connection to one of the members, for streams.
func (r *Route) Conn(url string) (*grpc.ClientConn, error) { return r.pool.Conn(url) }

// First is the member that answered last.
func (r *Route) First() string { return r.order()[0] }

// Demote puts a member last, after it left a stream hanging.
func (r *Route) Demote(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.urls, url); i >= 0 {
		r.urls = append(slices.Delete(r.urls, i, i+1), url)
	}
}

// Elsewhere reports whether another member may succeed where one gave this error: it is about the member or the way
// to it, and not about what was asked.
func Elsewhere(err error) bool {
	s, ok := Status(err)
	return !ok || s.Code() == codes.Unavailable || s.Code() == codes.DeadlineExceeded || s.Code() == codes.Canceled
}

// Status finds the status inside a wrapped error.
func Status(err error) (*status.Status, bool) {
	var carrier interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &carrier) {
		return nil, false
	}
	return carrier.GRPCStatus(), true
}

// Get reads one key through the quorum; nil: there is none. revision is the cluster's at that moment.
func (r *Route) Get(ctx context.Context, key string) (kv *mvccpb.KeyValue, revision int64, err error) {
	err = r.Call(ctx, 0, "read "+key+" of", func(ctx context.Context, conn *grpc.ClientConn) error {
		resp, err := pb.NewKVClient(conn).Range(ctx, &pb.RangeRequest{Key: []byte(key)})
		if err != nil {
			return err
		}
		kv, revision = nil, resp.Header.GetRevision()
		if len(resp.Kvs) > 0 {
			kv = resp.Kvs[0]
		}
		return nil
	})
	return kv, revision, err
}
