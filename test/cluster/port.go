package cluster

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// reservePort returns a loopback address that nobody else is given until the
// end of the test, not even while its member is down.
//
// The socket is bound and never listens, so it takes no connections. Both it
// and etcd (--socket-reuse-port) set SO_REUSEPORT, which lets etcd listen
// beside it; the kernel neither picks such a port for another bind to port zero
// nor for an outgoing connection. An etcd that cannot share one finds it free,
// and has to be quick: hold is false then.
func reservePort(t testing.TB, hold bool) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("cluster: reserve port: %v", err)
	}
	if hold {
		t.Cleanup(func() { _ = unix.Close(fd) })
	} else {
		defer func() { _ = unix.Close(fd) }()
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		t.Fatalf("cluster: reserve port: %v", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatalf("cluster: reserve port: %v", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatalf("cluster: reserve port: %v", err)
	}
	return fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
}
