package storage_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
)

// TestStallingDialer has a connection on which nothing moves.
func TestStallingDialer(t *testing.T) {
	const stall = 200 * time.Millisecond
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := storage.StallingDialer(stall)(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	begin := time.Now()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read of a stalled connection: got error %v, want os.ErrDeadlineExceeded", err)
	}
	if took := time.Since(begin); took < stall {
		t.Errorf("Read failed after %v, which is before a stall had passed", took)
	}
}
