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

// Route is a list of members through which the cluster's data can be reached; the one that answered last is in
// front. Any of them will do, since every call over a route needs the quorum. It is safe for concurrent use.
type Route struct {
	pool *Pool
	mu   sync.Mutex
	urls []string
}

// NewRoute returns a route over the members with these URLs. The first one is asked first.
func NewRoute(pool *Pool, urls []string) *Route { return &Route{pool: pool, urls: urls} }

// Call runs one call on one member after the other until one can answer. timeout is for each of them; 0 means
// the usual one.
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

// prefer moves a member to the front.
func (r *Route) prefer(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.urls, url); i > 0 {
		r.urls = slices.Insert(slices.Delete(r.urls, i, i+1), 0, url)
	}
}

// Conn returns the connection to one of the members, for streams.
func (r *Route) Conn(url string) (*grpc.ClientConn, error) { return r.pool.Conn(url) }

// First is the member that answered last.
func (r *Route) First() string { return r.order()[0] }

// Demote moves a member to the end, for example because it let a stream hang.
func (r *Route) Demote(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.urls, url); i >= 0 {
		r.urls = append(slices.Delete(r.urls, i, i+1), url)
	}
}

// Elsewhere reports whether another member may succeed after one returned this error: the error is about the member
// or the way to it, and not about the request.
func Elsewhere(err error) bool {
	s, ok := Status(err)
	return !ok || s.Code() == codes.Unavailable || s.Code() == codes.DeadlineExceeded || s.Code() == codes.Canceled
}

// Status finds the gRPC status inside a wrapped error.
func Status(err error) (*status.Status, bool) {
	var carrier interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &carrier) {
		return nil, false
	}
	return carrier.GRPCStatus(), true
}

// Get reads one key through the quorum; nil means that it does not exist. revision is the cluster's at that
// moment.
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
