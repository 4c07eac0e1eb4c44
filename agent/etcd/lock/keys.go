package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/etcdward/etcdward/agent/etcd/connection"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// Prefix is the prefix of all our keys. We never write any other key.
const Prefix = "etcdward/"

// ErrUndecodable means that a record does not have the form that this version writes: a newer version wrote it, or
// somebody else did.
var ErrUndecodable = errors.New("it cannot be decoded")

// Recall reads the record under a name below etcdward/ into v; false if there is none. Its error wraps ErrUndecodable, or is that of
// a read through the quorum.
func Recall(ctx context.Context, r *connection.Route, name string, v any) (bool, error) {
	kv, _, err := r.Get(ctx, Prefix+name)
	if err != nil || kv == nil {
		return false, err
	}
	if err := json.Unmarshal(kv.Value, v); err != nil {
		return false, fmt.Errorf("read key %s: %w: %w", Prefix+name, ErrUndecodable, err)
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
