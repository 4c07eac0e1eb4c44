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

// ErrStalled means that a stream gave no byte for as long as StallTimeout. The member may be fine: another try later.
var ErrStalled = errors.New("the stream stalled")

// StallTimeout is how long a stream of a snapshot may give nothing. A slow disk on the member's
// side is read in steps of 32 KiB, so that a minute means that nothing comes any more.
const StallTimeout = time.Minute

// Confirm makes sure that a member is in touch with the quorum right now, by a read that needs it: a
// member that was cut off a moment ago still shows the old leader.
func (c *Cluster) Confirm(ctx context.Context, m Member) error {
	return c.pool.Call(ctx, m.Endpoint, "confirm the quorum of", func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := pb.NewKVClient(conn).Range(ctx, &pb.RangeRequest{Key: []byte(lock.Prefix), CountOnly: true})
		if status.Code(err) == codes.DataLoss {
			return nil // an alarm for another member forbids the read, after the quorum was asked
		}
		return err
	})
}

// Stream is what is known of a snapshot's stream beside its bytes.
type Stream struct {
	// Version of etcd's storage that the server names, "3.6.0"; "" before 3.6.
	Version string
	// Bytes that came.
	Bytes int64
}

// Snapshot streams the database of a member to dst: the file as `etcdctl snapshot save` writes it, SHA-256 trailer
// included. progress, when not nil, is told the bytes that came and those expected. What was written
// counts for nothing when there is an error, and without one it still has to be checked.
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
		// The time that dst takes is not the member's: a full disk is no stall.
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
