package storage_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
)

// TestStallingDialer sends for longer than a stall lasts and is not answered all the
// while, which is none; then nothing moves any more.
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
	read := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		read <- err
	}()
	var one [1]byte
	for time.Since(begin) < 2*stall {
		if _, err := conn.Write(one[:]); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(server, one[:]); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-read:
		t.Fatalf("Read ended while bytes were sent: %v", err)
	default:
	}
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read of a stalled connection: got error %v, want os.ErrDeadlineExceeded", err)
	}
	if took := time.Since(begin); took < 3*stall-50*time.Millisecond {
		t.Errorf("Read failed after %v, which is before a stall had passed", took)
	}
}
