package etcd

import (
	"context"
	"fmt"
	"strconv"

	"github.com/etcdward/etcdward/agent/etcd/connection"
	"github.com/etcdward/etcdward/agent/etcd/lock"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
)

// compactRevKey is the key through which the compactors of all API servers agree on whose turn it is. We only
// ever read it.
const compactRevKey = "compact_rev_key"

// unusedKey is a key that never exists, so that a look at its past costs the member no read of its database.
const unusedKey = lock.Prefix + "unused"

// History is how much of its past a cluster holds.
type History struct {
	ClusterID uint64
	// Revision is the newest revision, read through the quorum.
	Revision int64
	// Compacted is the oldest revision that can still be read; 0 means that the cluster was never compacted.
	Compacted int64
	// APIServer is the revision that Kubernetes' own compactor last compacted to, and APIServerAt the
	// revision at which it did so. Both are 0 if there is no such compactor.
	APIServer, APIServerAt int64
}

// Revision returns the newest revision, read through the quorum, and the cluster id. Every write after the answer gets a
// higher revision.
func (c *Cluster) Revision(ctx context.Context) (clusterID uint64, revision int64, err error) {
	r, err := c.route(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read revision: %w", err)
	}
	clusterID, revision, err = newestRevision(ctx, r)
	if err != nil {
		return 0, 0, fmt.Errorf("read revision: %w", err)
	}
	return clusterID, revision, nil
}

func newestRevision(ctx context.Context, r *connection.Route) (clusterID uint64, revision int64, err error) {
	err = r.Call(ctx, 0, "read revision of", func(ctx context.Context, conn *grpc.ClientConn) error {
		resp, err := pb.NewKVClient(conn).Range(ctx, &pb.RangeRequest{Key: []byte(unusedKey), CountOnly: true})
		clusterID, revision = resp.GetHeader().GetClusterId(), resp.GetHeader().GetRevision()
		return err
	})
	return clusterID, revision, err
}

// History asks for the newest revision, the oldest, and for Kubernetes' own compactor.
func (c *Cluster) History(ctx context.Context) (History, error) {
	var h History
	r, err := c.route(ctx)
	if err != nil {
		return h, fmt.Errorf("read history: %w", err)
	}
	if h.ClusterID, h.Revision, err = newestRevision(ctx, r); err != nil {
		return h, fmt.Errorf("read history: %w", err)
	}
	if h.Compacted, err = compactRevision(ctx, r); err != nil {
		return h, fmt.Errorf("read history: %w", err)
	}
	kv, _, err := r.Get(ctx, compactRevKey)
	if err != nil {
		return h, fmt.Errorf("read history: %w", err)
	}
	if kv != nil {
		if n, err := strconv.ParseInt(string(kv.Value), 10, 64); err == nil {
			h.APIServer, h.APIServerAt = n, kv.ModRevision
		}
	}
	return h, nil
}

// compactRevision finds the compact revision. A read of an unused key at the first revision shows whether there is one, and costs
// nothing. Only then does it open a watch from that revision, which the server refuses with the number. On a cluster that was never
// compacted such a watch would read the whole history.
func compactRevision(ctx context.Context, r *connection.Route) (revision int64, err error) {
	err = r.Call(ctx, 0, "read first revision of", func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := pb.NewKVClient(conn).Range(ctx, &pb.RangeRequest{Key: []byte(unusedKey), Revision: 1, CountOnly: true})
		return err
	})
	if !IsCompacted(err) {
		return 0, err
	}
	err = r.Call(ctx, 0, "find compact revision of", func(ctx context.Context, conn *grpc.ClientConn) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := pb.NewWatchClient(conn).Watch(ctx)
		if err != nil {
			return err
		}
		err = stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{
			Key: []byte(unusedKey), StartRevision: 1}}})
		for err == nil && revision == 0 {
			var resp *pb.WatchResponse
			resp, err = stream.Recv()
			revision = resp.GetCompactRevision()
		}
		return err
	})
	return revision, err
}

// Compact gives up the history before a revision, on all members. It returns true if there was nothing to give up, because
// somebody has already compacted to that revision or further. Members remove the old entries in the background.
func (c *Cluster) Compact(ctx context.Context, revision int64) (already bool, err error) {
	r, err := c.route(ctx)
	if err == nil {
		err = r.Call(ctx, 0, "compact at", func(ctx context.Context, conn *grpc.ClientConn) error {
			_, err := pb.NewKVClient(conn).Compact(ctx, &pb.CompactionRequest{Revision: revision})
			return err
		})
	}
	switch {
	case IsCompacted(err):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("compact to revision %d: %w", revision, err)
	}
	return false, nil
}

// Compacted puts a compact revision into words. Servers give 0 or -1 for a cluster that was never compacted.
func Compacted(revision int64) string {
	if revision <= 0 {
		return "never compacted"
	}
	return fmt.Sprintf("compacted to %d", revision)
}

// IsCompacted reports whether an error means that the revision asked for was given up.
func IsCompacted(err error) bool {
	s, ok := connection.Status(err)
	return ok && s.Message() == rpctypes.ErrCompacted.Error()
}
