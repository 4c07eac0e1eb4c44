package connection

import (
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestPlainDenied(t *testing.T) {
	for _, test := range []struct {
		code codes.Code
		text string
		want bool
	}{
		{codes.PermissionDenied, "etcdserver: permission denied", true},
		{codes.Unauthenticated, "etcdserver: invalid auth token", true},
		{codes.InvalidArgument, "etcdserver: user name is empty", true},
		{codes.InvalidArgument, "etcdserver: authentication failed, invalid user ID or password", true},
		{codes.FailedPrecondition, "etcdserver: user name not found", true},
		{codes.InvalidArgument, "etcdserver: key is not provided", false},
		{codes.Unavailable, "etcdserver: no leader", false},
	} {
		if err := Plain(status.Error(test.code, test.text)); errors.Is(err, ErrDenied) != test.want {
			t.Errorf("%s %q counts as %v", test.code, test.text, err)
		}
	}
}
