// Package port finds ports for servers that take no listener, but a number. It does not know what will listen there.
//
// Its one invariant: it gives no port that the kernel hands out, be it to a listener without a number or to an outgoing connection.
// So only another call of this package can take the port before the server does, or while the server is down.
package port

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
)

// rangeFile tells which ports the kernel hands out.
const rangeFile = "/proc/sys/net/ipv4/ip_local_port_range"

// lowest keeps away from the ports of well-known services, such as etcd and Kubernetes.
const lowest = 11000

// Free returns an address of this host, such as 127.0.0.1:12345, on which nobody listens now.
func Free(t testing.TB, host string) string {
	t.Helper()
	text, err := os.ReadFile(rangeFile)
	if err != nil {
		t.Fatalf("port: %v", err)
	}
	var handedOut int
	if _, err := fmt.Sscan(string(text), &handedOut); err != nil || handedOut <= lowest {
		t.Fatalf("port: %s says %q: nothing is left from %d on", rangeFile, text, lowest)
	}
	for range 100 {
		address := net.JoinHostPort(host, strconv.Itoa(lowest+rand.IntN(handedOut-lowest)))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue // somebody listens there
		}
		if err := listener.Close(); err != nil {
			t.Fatalf("port: %v", err)
		}
		return address
	}
	t.Fatalf("port: nothing is free on %s", host)
	return ""
}
