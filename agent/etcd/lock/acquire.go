package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/etcdward/etcdward/agent/etcd/connection"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
)

// acquireTries is how often in a row the connection to the cluster may break before acquire gives up.
const acquireTries = 3

// acquire waits until the lock is free and takes it.
func acquire(ctx context.Context, find Find, who Holder) (*Lock, error) {
	for broken := 0; ; {
		r, err := find(ctx)
		if err != nil {
			return nil, cmpCause(ctx, err)
		}
		l, revision, err := tryLock(ctx, r, who)
		switch {
		case l != nil:
			return l, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil && !connection.Elsewhere(err):
			return nil, connection.Refused(err)
		case err != nil:
			// The survey saw a quorum, but none of its members could answer: the quorum was lost just now.
			if broken++; broken == acquireTries {
				return nil, fmt.Errorf("%w: %w", connection.ErrNoQuorum, err)
			}
		default:
			broken = 0
			if err := awaitRelease(ctx, r, who, revision); err != nil {
				return nil, err
			}
		}
	}
}

// cmpCause returns the reason why ctx ended, if it has, and not the errors that this caused.
func cmpCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// tryLock takes the lock if it is free. If it returns neither a lock nor an error, somebody else held the lock
// at the revision.
func tryLock(ctx context.Context, r *connection.Route, who Holder) (*Lock, int64, error) {
	// Look first: otherwise every agent that waits would grant and revoke a lease at each try.
	kv, revision, err := r.Get(ctx, who.key())
	if err != nil || kv != nil {
		return nil, revision, err
	}
	who.Since = time.Now().UTC().Truncate(time.Millisecond)
	value, err := json.Marshal(who)
	if err != nil {
		return nil, 0, fmt.Errorf("encode holder: %w", err)
	}
	l := &Lock{route: r, key: who.key(), holder: who}
	var granted *pb.LeaseGrantResponse
	err = r.Call(ctx, 0, "grant lease at", func(ctx context.Context, conn *grpc.ClientConn) (err error) {
		l.until = time.Now().Add(who.TTL)
		granted, err = pb.NewLeaseClient(conn).LeaseGrant(ctx, &pb.LeaseGrantRequest{TTL: int64(who.TTL / time.Second)})
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	l.lease = granted.ID
	kv, revision, err = createLock(ctx, r, l.key, value, l.lease)
	if err != nil || kv == nil || kv.Lease != l.lease {
		l.release(ctx)
		return nil, revision, err
	}
	l.created = kv.CreateRevision
	return l, revision, nil
}

// createLock puts the lock's key unless it exists, and returns the key that then exists. Asking twice is harmless: if the
// first answer was lost, the key is recognised by its lease.
func createLock(ctx context.Context, r *connection.Route, key string, value []byte, lease int64) (kv *mvccpb.KeyValue, revision int64, err error) {
	err = r.Call(ctx, 0, "take lock at", func(ctx context.Context, conn *grpc.ClientConn) error {
		resp, err := pb.NewKVClient(conn).Txn(ctx, &pb.TxnRequest{
			Compare: []*pb.Compare{comparing(key, 0)},
			Success: []*pb.RequestOp{putting(key, value, lease)},
			Failure: []*pb.RequestOp{reading(key)},
		})
		if err != nil {
			return err
		}
		revision = resp.Header.GetRevision()
		if resp.Succeeded {
			kv = &mvccpb.KeyValue{CreateRevision: revision, Lease: lease}
			return nil
		}
		if found := resp.Responses[0].GetResponseRange().GetKvs(); len(found) > 0 {
			kv = found[0]
		}
		return nil
	})
	return kv, revision, err
}

// watchPause is the time between a broken watch and the next one, so that a member that refuses the watch is not asked
// in a tight loop.
const watchPause = 500 * time.Millisecond

// awaitRelease returns when the lock's key was deleted after the revision or when the watch breaks. It also returns after the lock's
// time to live, because the watch hangs if its member hangs. Its only error is the cause of ctx's end.
func awaitRelease(ctx context.Context, r *connection.Route, who Holder, revision int64) error {
	url := r.First()
	within, cancel := context.WithTimeout(ctx, who.TTL)
	defer cancel()
	err := watchLock(within, r, url, who.key(), revision)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil && within.Err() == nil {
		r.Demote(url)
		rest := time.NewTimer(watchPause)
		defer rest.Stop()
		select {
		case <-rest.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// watchLock follows the lock's key until it is deleted.
func watchLock(ctx context.Context, r *connection.Route, url, key string, revision int64) error {
	conn, err := r.Conn(url)
	if err != nil {
		return err
	}
	// A member that is cut off from the quorum then ends the watch, instead of sending nothing.
	stream, err := pb.NewWatchClient(conn).Watch(connection.RequireLeader(ctx))
	if err != nil {
		return err
	}
	err = stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{
		Key: []byte(key), StartRevision: revision + 1, Filters: []pb.WatchCreateRequest_FilterType{pb.WatchCreateRequest_NOPUT},
	}}})
	if err != nil {
		return err
	}
	for {
		resp, err := stream.Recv()
		switch {
		case err != nil:
			return err
		case resp.Canceled:
			return errors.New("the watch was cancelled: " + resp.CancelReason)
		case len(resp.Events) > 0:
			return nil
		}
	}
}
