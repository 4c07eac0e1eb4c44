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

// ErrUnreachable means that no endpoint answered. Nothing is known of the cluster.
var ErrUnreachable = errors.New("no endpoint answers")

// ErrDenied means that etcd's own authentication is on and the user lacks the right; root has it.
var ErrDenied = errors.New("etcd refuses this user")

// ErrAuthFailed means that etcd does not know the user, or not by this password. It is etcd's own error: it ends a connection before
// the first call.
var ErrAuthFailed error = rpctypes.ErrAuthFailed

// ErrNoQuorum means that no majority of the voters answers and agrees on a leader. Nothing can be written and
// no lock be held; a member may still give a snapshot in an emergency.
var ErrNoQuorum = errors.New("no quorum is seen from here")

// ErrNoSpace means that etcd is over its quota: it takes no writes and grants no lease, so that the lock cannot be
// had. Reading, compacting, defragmenting and deleting work.
var ErrNoSpace = errors.New("etcd is over its quota (NOSPACE) and takes no writes")

// ErrCorrupt means that the alarm CORRUPT is raised: etcd takes no writes until a person has repaired the cluster, so that the lock
// cannot be had.
var ErrCorrupt = errors.New("etcd raised the alarm CORRUPT and takes no writes")

// denials are what etcd says of the user under another code than those for that.
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

// fault prints a plain sentence and still is the error it came from.
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

// Refused adds ErrNoSpace or ErrCorrupt to what etcd answers when an alarm keeps it from writing.
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
