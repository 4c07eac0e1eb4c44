package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// prefix is where all keys of ours are: nothing else is ever written.
const prefix = "etcdward/"

// ErrNoSpace means that etcd is over its quota: it takes no writes and grants no lease, so that the lock cannot be
// had. Reading, compacting, defragmenting and deleting work.
var ErrNoSpace = errors.New("etcd is over its quota (NOSPACE) and takes no writes")

// ErrCorrupt means that the alarm CORRUPT is raised: etcd takes no writes until a person has repaired the cluster, so that the lock
// cannot be had.
var ErrCorrupt = errors.New("etcd raised the alarm CORRUPT and takes no writes")

// ErrUndecodable means that what was kept under a name is not what this version writes: a newer one did, or somebody else.
var ErrUndecodable = errors.New("it cannot be decoded")

// refused adds ErrNoSpace or ErrCorrupt to what etcd answers when an alarm keeps it from writing.
func refused(err error) error {
	s, ok := grpcStatus(err)
	switch {
	case !ok:
		return err
	case s.Code() == codes.ResourceExhausted && s.Message() == rpctypes.ErrNoSpace.Error():
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	case s.Code() == codes.DataLoss && s.Message() == rpctypes.ErrCorrupt.Error():
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// get reads one key through the quorum; nil: there is none. revision is the cluster's at that moment.
func (r *route) get(ctx context.Context, key string) (kv *mvccpb.KeyValue, revision int64, err error) {
	err = r.call(ctx, 0, "read "+key+" of", func(ctx context.Context, conn *grpc.ClientConn) error {
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

// Recall reads what was kept under a name below etcdward/ into v; false: there is nothing. Its error wraps
// ErrUndecodable, or is that of a read through the quorum.
func (c *Cluster) Recall(ctx context.Context, name string, v any) (bool, error) {
	r, err := c.route(ctx)
	if err != nil {
		return false, fmt.Errorf("recall %s: %w", name, err)
	}
	return r.recall(ctx, name, v)
}

func (r *route) recall(ctx context.Context, name string, v any) (bool, error) {
	kv, _, err := r.get(ctx, prefix+name)
	if err != nil || kv == nil {
		return false, err
	}
	if err := json.Unmarshal(kv.Value, v); err != nil {
		return false, fmt.Errorf("read key %s: %w: %w", prefix+name, ErrUndecodable, err)
	}
	return true, nil
}

func comparing(key string, createRevision int64) *pb.Compare {
	return &pb.Compare{Key: []byte(key), Target: pb.Compare_CREATE, Result: pb.Compare_EQUAL,
		TargetUnion: &pb.Compare_CreateRevision{CreateRevision: createRevision}}
}

func putting(key string, value []byte, lease int64) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: []byte(key), Value: value, Lease: lease}}}
}

func reading(key string) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: []byte(key)}}}
}
