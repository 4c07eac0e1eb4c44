package etcd

import (
	"errors"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrUnreachable means that no endpoint answered. Nothing is known of the cluster.
var ErrUnreachable = errors.New("no endpoint answers")

// ErrDenied means that etcd's own authentication is on and the user lacks the right; root has it.
var ErrDenied = errors.New("etcd refuses this user")

// plain turns an error of gRPC into the sentence inside it.
func plain(err error) error {
	s, ok := status.FromError(err)
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
	case s.Code() == codes.PermissionDenied || s.Code() == codes.Unauthenticated || text == rpctypes.ErrUserEmpty.Error():
		return &fault{text, ErrDenied, err}
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
