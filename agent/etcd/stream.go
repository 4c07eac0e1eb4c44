package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/etcdward/etcdward/agent/etcd/connection"
	"github.com/etcdward/etcdward/agent/etcd/lock"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrStalled means that a stream gave no byte for as long as StallTimeout. The member may be sound, and a later try
// may succeed.
var ErrStalled = errors.New("the stream stalled")

// StallTimeout is how long a stream of a snapshot may give no byte. The member reads its disk in steps of 32
// KiB, so that even on a slow disk a minute of silence means that no more will come.
const StallTimeout = time.Minute

// Confirm checks, with a read that needs the quorum, that a member is in touch with the quorum right now. Its
// status is not enough: a member that was cut off a moment ago still shows the old leader.
func (c *Cluster) Confirm(ctx context.Context, m Member) error {
	return c.pool.Call(ctx, m.Endpoint, "confirm the quorum of", func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := pb.NewKVClient(conn).Range(ctx, &pb.RangeRequest{Key: []byte(lock.Prefix), CountOnly: true})
		if status.Code(err) == codes.DataLoss {
			return nil // an alarm of another member forbids the read, but only after the quorum was asked
		}
		return err
	})
}

// Stream is what is known about the stream of a snapshot beside its bytes.
type Stream struct {
	// Version is the storage version that the server names, such as "3.6.0"; "" before 3.6.
	Version string
	// Bytes is how many bytes came.
	Bytes int64
}

// Snapshot streams the database of a member to dst: the file as `etcdctl snapshot save` writes it, SHA-256 trailer
// included. progress, if not nil, is told how many bytes came and how many are expected. If there is an error,
// what was written is useless; if there is none, it still has to be checked.
func (c *Cluster) Snapshot(ctx context.Context, m Member, dst io.Writer, progress func(done, total int64)) (Stream, error) {
	var s Stream
	conn, err := c.pool.Conn(m.Endpoint)
	if err != nil {
		return s, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(StallTimeout, func() { cancel(ErrStalled) })
	defer watchdog.Stop()

	fail := func(err error) (Stream, error) {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return s, fmt.Errorf("stream snapshot from %s %s: %w", m.Name, m.Endpoint, connection.Plain(err))
	}
	stream, err := pb.NewMaintenanceClient(conn).Snapshot(ctx, &pb.SnapshotRequest{})
	if err != nil {
		return fail(err)
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return fail(err)
		}
		// The time that dst takes does not count against the member: a full disk is not a stall.
		watchdog.Stop()
		if part.Version != "" {
			s.Version = part.Version
		}
		n, err := dst.Write(part.Blob)
		s.Bytes += int64(n)
		if err != nil {
			return s, fmt.Errorf("write snapshot of %s: %w", m.Name, err)
		}
		if progress != nil {
			progress(s.Bytes, s.Bytes+int64(part.RemainingBytes))
		}
		watchdog.Reset(StallTimeout)
	}
}

// Hash is a live member's HashKV.
type Hash struct {
	Hash            uint32
	Revision        int64
	CompactRevision int64
}

// HashKV asks a member for the hash of its key space at a revision; 0: at its newest, which the answer names. For a revision that it
// compacted to, a member answers with the hash that it kept from then, of the compact revision before; at its newest it never does. It reads the whole
// database and holds up writers meanwhile: ask followers. timeout replaces the usual deadline.
func (c *Cluster) HashKV(ctx context.Context, m Member, revision int64, timeout time.Duration) (Hash, error) {
	var resp *pb.HashKVResponse
	err := c.pool.CallFor(ctx, timeout, m.Endpoint, "hash the keys of", maintenance(pb.MaintenanceClient.HashKV, &pb.HashKVRequest{Revision: revision}, &resp))
	if err != nil {
		return Hash{}, err
	}
	if revision == 0 {
		revision = cmp.Or(resp.HashRevision, resp.GetHeader().GetRevision()) // etcd 3.5 names it in the header alone
	}
	return Hash{Hash: resp.Hash, Revision: revision, CompactRevision: resp.CompactRevision}, nil
}
