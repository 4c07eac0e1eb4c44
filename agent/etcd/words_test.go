package etcd

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/etcdward/etcdward/agent/etcd/connection"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestWords has what servers and gRPC say that is no sentence for a person.
func TestWords(t *testing.T) {
	for revision, want := range map[int64]string{-1: "never compacted", 0: "never compacted", 1: "compacted to 1", 4711: "compacted to 4711"} {
		if got := Compacted(revision); got != want {
			t.Errorf("revision %d is %q, want %q", revision, got, want)
		}
	}
	for _, test := range []struct {
		err   error
		want  string
		hangs bool
	}{
		{status.Error(codes.DeadlineExceeded, "context deadline exceeded"), "it did not answer in time", true},
		{status.Error(codes.DeadlineExceeded, `latest balancer error: connection error: desc = "transport: x"`), "it did not answer in time", true},
		{context.DeadlineExceeded, "it did not answer in time", true},
		{status.Error(codes.Unavailable, "keepalive ping failed to receive ACK within timeout"), "it did not answer: the connection broke", true},
		{status.Error(codes.Unavailable, "error reading from server: EOF"), "it did not answer: the connection broke", false},
		{status.Error(codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp 1.2.3.4:1: connect: connection refused"`),
			"Error while dialing: dial tcp 1.2.3.4:1: connect: connection refused", false},
	} {
		got := connection.Plain(test.err)
		if got.Error() != test.want || !errors.Is(got, test.err) || Hangs(fmt.Errorf("call: %w", got)) != test.hangs {
			t.Errorf("%v is said as %q, hangs %t; want %q, %t", test.err, got, Hangs(got), test.want, test.hangs)
		}
	}
}
