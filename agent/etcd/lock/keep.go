package lock

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
)

// keep renews the lease until ctx ends, and ends the work's context itself once the lease may have lapsed.
//
// It counts the time to live from before each request was sent, so that this host stops before etcd lets the
// lease lapse.
func (l *Lock) keep(ctx context.Context, end context.CancelCauseFunc) {
	ttl := l.Holder().TTL
	again := time.NewTimer(ttl / 3)
	defer again.Stop()
	lapse := time.NewTimer(time.Until(l.until))
	defer lapse.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-lapse.C:
			end(fmt.Errorf("%w: it could not be renewed for %s", ErrLost, ttl))
			return
		case <-again.C:
		}
		until, err := l.renew(ctx, ttl)
		switch {
		case errors.Is(err, ErrLost):
			end(err)
			return
		case err != nil:
			again.Reset(ttl / 10)
		default:
			l.until = until
			lapse.Reset(time.Until(until))
			again.Reset(ttl / 3)
		}
	}
}

// renew asks etcd to prolong the lease, and gives up when the lease would lapse. It returns until when the
// lease lives.
func (l *Lock) renew(ctx context.Context, ttl time.Duration) (until time.Time, err error) {
	ctx, cancel := context.WithDeadline(ctx, l.until)
	defer cancel()
	lapsed := false
	err = l.route.Call(ctx, ttl/5, "renew lease at", func(ctx context.Context, conn *grpc.ClientConn) error {
		until = time.Now().Add(ttl)
		stream, err := pb.NewLeaseClient(conn).LeaseKeepAlive(ctx)
		if err != nil {
			return err
		}
		if err := stream.Send(&pb.LeaseKeepAliveRequest{ID: l.lease}); err != nil {
			return err
		}
		resp, err := stream.Recv()
		if err != nil {
			return err
		}
		if lapsed = resp.TTL <= 0; lapsed {
			return nil // every member would give the same answer
		}
		return stream.CloseSend()
	})
	if lapsed {
		return until, fmt.Errorf("%w: etcd let its lease lapse", ErrLost)
	}
	return until, err
}
