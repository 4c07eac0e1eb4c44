package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/etcd/connection"
	"github.com/etcdward/etcdward/agent/etcd/lock"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// Defragment rewrites a member's database file. The member answers nothing meanwhile, and it goes on even if timeout or ctx ends
// the call. So an error says nothing about the member's state; ask Responds.
func (c *Cluster) Defragment(ctx context.Context, m Member, timeout time.Duration) error {
	var resp *pb.DefragmentResponse
	return c.pool.CallFor(ctx, timeout, m.Endpoint, "defragment", maintenance(pb.MaintenanceClient.Defragment, &pb.DefragmentRequest{}, &resp))
}

// Responds checks that a member reads its own database. The status comes from memory, but this call gets no answer while the
// member defragments. It needs no quorum.
func (c *Cluster) Responds(ctx context.Context, m Member) error {
	return c.pool.Call(ctx, m.Endpoint, "read from", func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := pb.NewKVClient(conn).Range(ctx, &pb.RangeRequest{Key: []byte(lock.Key), Serializable: true})
		return err
	})
}

// Hangs reports whether an error comes from a member that takes calls and does not answer in time: it defragments or is stuck.
// A member that is down refuses calls.
func Hangs(err error) bool {
	s, ok := connection.Status(err)
	if !ok || s.Code() != codes.Unavailable {
		return ok && s.Code() == codes.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded)
	}
	says := func(part string) bool { return strings.Contains(s.Message(), part) }
	return slices.ContainsFunc(hanging, says) && !slices.ContainsFunc(refusing, says)
}

// The words by which gRPC tells that the kernel accepted or kept a connection while the process behind it sent nothing, and
// the words by which it tells that the process is gone.
var (
	hanging  = []string{"keepalive ping failed", "error reading server preface", "handshake failed: context deadline exceeded"}
	refusing = []string{"connection refused", "connection reset", "EOF"}
)

// MoveLeader hands leadership from the leader to another voter. After an error any member may lead: ask a
// survey.
func (c *Cluster) MoveLeader(ctx context.Context, from, to Member) error {
	var resp *pb.MoveLeaderResponse
	return c.pool.Call(ctx, from.Endpoint, "move leadership to "+to.Name+" from", maintenance(pb.MaintenanceClient.MoveLeader, &pb.MoveLeaderRequest{TargetID: to.ID}, &resp))
}

// DisarmNoSpace clears the NOSPACE alarm that a member raised. A member that is still over its quota raises it again at the
// next write.
func (c *Cluster) DisarmNoSpace(ctx context.Context, m Member) error {
	r, err := c.route(ctx)
	if err == nil {
		err = r.Call(ctx, 0, "disarm at", func(ctx context.Context, conn *grpc.ClientConn) error {
			_, err := pb.NewMaintenanceClient(conn).Alarm(ctx, &pb.AlarmRequest{Action: pb.AlarmRequest_DEACTIVATE, MemberID: m.ID, Alarm: pb.AlarmType_NOSPACE})
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("disarm NOSPACE of %s: %w", m.Name, err)
	}
	return nil
}
