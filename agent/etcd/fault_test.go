package etcd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/etcdward/etcdward/agent/etcd/connection"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestUser checks that a missing or unknown user is distinguished from a cluster that does not answer.
func TestUser(t *testing.T) {
	for _, version := range cluster.Versions {
		t.Run(version, func(t *testing.T) {
			c := cluster.Start(t, cluster.Options{Version: version, Members: 1, Plain: true, Args: []string{cluster.NoFsync}})
			c.Etcdctl(t, "user", "add", "root:secret")
			c.Etcdctl(t, "user", "grant-role", "root", "root")
			c.Etcdctl(t, "auth", "enable")
			password := filepath.Join(t.TempDir(), "password")
			for _, test := range []struct {
				user, password string
				want           error
			}{
				{"root", "secret", nil},
				{"root", "wrong", ErrDenied},
				{"nobody", "secret", ErrDenied},
				{"", "", ErrDenied},
			} {
				if err := os.WriteFile(password, []byte(test.password), 0o600); err != nil {
					t.Fatal(err)
				}
				own, err := New(Options{Endpoints: c.Endpoints(), Username: test.user, PasswordFile: password})
				if err != nil {
					t.Fatal(err)
				}
				s, err := own.Survey(t.Context())
				if err == nil {
					err = own.Responds(t.Context(), s.Members[0])
				}
				if !errors.Is(err, test.want) || test.want == nil && err != nil {
					t.Errorf("as %q with password %q: %v", test.user, test.password, err)
				}
				if err := own.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestHangs(t *testing.T) {
	for _, test := range []struct {
		code codes.Code
		text string
		want bool
	}{
		{codes.DeadlineExceeded, "context deadline exceeded", true},
		{codes.Unavailable, "keepalive ping failed to receive ACK within timeout", true},
		{codes.Unavailable, `last connection error: connection error: desc = "error reading server preface: read tcp 127.0.0.1:1->127.0.0.1:2: use of closed network connection"`, true},
		{codes.Unavailable, `connection error: desc = "transport: authentication handshake failed: context deadline exceeded"`, true},
		{codes.Unavailable, `connection error: desc = "error reading server preface: EOF"`, false},
		{codes.Unavailable, `connection error: desc = "error reading server preface: read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer"`, false},
		{codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused"`, false},
		{codes.Unavailable, "etcdserver: no leader", false},
		{codes.Internal, "keepalive ping failed", false},
	} {
		err := fmt.Errorf("read from m1: %w", connection.Plain(status.Error(test.code, test.text)))
		if Hangs(err) != test.want {
			t.Errorf("%s %q hangs: %t", test.code, test.text, !test.want)
		}
	}
	if Hangs(nil) {
		t.Error("no error hangs")
	}
}
