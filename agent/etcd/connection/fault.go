package connection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrUnreachable means that no endpoint answered, so that nothing is known about the cluster.
var ErrUnreachable = errors.New("no endpoint answers")

// ErrDenied means that etcd's own authentication is on and the user lacks the right. The user root has it.
var ErrDenied = errors.New("etcd refuses this user")

// ErrAuthFailed means that the user name or the password is wrong. It is etcd's own error, which ends a connection before the first
// call.
var ErrAuthFailed error = rpctypes.ErrAuthFailed

// ErrNoQuorum means that no majority of the voters answers and agrees on a leader. Nothing can be written and
// no lock can be held, but a member may still give a snapshot in an emergency.
var ErrNoQuorum = errors.New("no quorum is seen from here")

// ErrNoSpace means that etcd is over its quota. It accepts no writes and grants no lease, so that the lock is
// unavailable. Reading, compacting, defragmenting and deleting still work.
var ErrNoSpace = errors.New("etcd is over its quota (NOSPACE) and accepts no writes")

// ErrCorrupt means that the alarm CORRUPT is raised. etcd accepts no writes until a person has repaired the cluster, so that the
// lock is unavailable.
var ErrCorrupt = errors.New("etcd raised the alarm CORRUPT and accepts no writes")

// denials are the messages by which etcd refuses a user under a code that is not meant for it.
var denials = []string{rpctypes.ErrUserEmpty.Error(), rpctypes.ErrAuthFailed.Error(), rpctypes.ErrUserNotFound.Error()}

// cutOff is how gRPC says that a connection broke, or was kept and served by nobody.
var cutOff = []string{"keepalive ping failed", "error reading server preface", "error reading from server", "handshake failed: context deadline exceeded"}

// Plain turns an error of gRPC into the sentence inside it.
func Plain(err error) error {
	s, ok := status.FromError(err)
	if !ok && errors.Is(err, context.DeadlineExceeded) || ok && s.Code() == codes.DeadlineExceeded {
		return &fault{"it did not answer in time", nil, err}
	}
	if !ok {
		return err
	}
	text := s.Message()
	if _, cause, found := strings.Cut(text, "last connection error: "); found {
		text = cause
	}
	text = strings.ReplaceAll(text, `connection error: desc = "`, "")
	text = strings.TrimSuffix(strings.TrimPrefix(text, "transport: "), `"`)
	switch {
	case s.Code() == codes.PermissionDenied || s.Code() == codes.Unauthenticated || slices.Contains(denials, text):
		return &fault{text, ErrDenied, err}
	case s.Code() == codes.Unavailable && slices.ContainsFunc(cutOff, func(part string) bool { return strings.Contains(text, part) }):
		return &fault{"it did not answer: the connection broke", nil, err}
	default:
		return &fault{text, nil, err}
	}
}

// fault prints a plain sentence, and errors.Is and errors.As still find the original error.
type fault struct {
	text   string
	kind   error
	origin error
}

func (f *fault) Error() string { return f.text }

func (f *fault) Unwrap() []error {
	if f.kind != nil {
		return []error{f.kind, f.origin}
	}
	return []error{f.origin}
}

// Refused adds ErrNoSpace or ErrCorrupt to the answer of an etcd that an alarm keeps from writing.
func Refused(err error) error {
	s, ok := Status(err)
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
