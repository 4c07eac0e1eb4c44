package etcd

import (
	"context"
	"errors"
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

// denials are what etcd says of the user under another code than those for that.
var denials = []string{rpctypes.ErrUserEmpty.Error(), rpctypes.ErrAuthFailed.Error(), rpctypes.ErrUserNotFound.Error()}

// cutOff is how gRPC says that a connection broke, or was kept and served by nobody.
var cutOff = []string{"keepalive ping failed", "error reading server preface", "error reading from server", "handshake failed: context deadline exceeded"}

// plain turns an error of gRPC into the sentence inside it.
func plain(err error) error {
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
