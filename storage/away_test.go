package storage

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etcdward/etcdward/test/port"
)

// TestAway counts the failures after which a store is away.
func TestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &contacts{of: map[string]contact{}, now: time.Now}
		miss := func(times int, away bool) {
			t.Helper()
			for range times {
				if got := c.missed("store"); got != away {
					t.Fatalf("after %d misses: away is %v, want %v", c.of["store"].misses, got, away)
				}
			}
		}
		miss(connects-1, false)
		miss(2, true)
		if c.missed("other") {
			t.Error("another address is away too")
		}
		c.heard("store")
		miss(connects+1, false) // it may be restarting
		time.Sleep(patience)
		miss(1, false)
		time.Sleep(time.Second)
		miss(1, true)
		c.heard("store")
		time.Sleep(2 * patience)
		miss(connects-1, false)
		miss(1, true)
	})
}

// TestDialAway connects to where nobody listens, and then somebody does.
func TestDialAway(t *testing.T) {
	address := port.Free(t, "127.0.0.1")
	dial := StallingDialer(time.Minute)
	for try := 1; try <= connects+1; try++ {
		_, err := dial(t.Context(), "tcp", address)
		var refused *net.OpError
		if !errors.As(err, &refused) || errors.Is(err, ErrAway) != (try >= connects) {
			t.Errorf("try %d: got error %v", try, err)
		}
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("somebody else took the port: %v", err)
	}
	defer listener.Close()
	conn, err := dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatalf("once it is back: %v", err)
	}
	if err := errors.Join(conn.Close(), listener.Close()); err != nil {
		t.Error(err)
	}
	if _, err := dial(t.Context(), "tcp", address); err == nil || errors.Is(err, ErrAway) {
		t.Errorf("the first failure after that: got error %v", err)
	}
}

// TestStallEnds sends for longer than a stall lasts and is not answered all the while, which is none; then nothing moves any more.
func TestStallEnds(t *testing.T) {
	const stall = 30 * time.Second
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		defer server.Close()
		conn := &stallingConn{client, stall, func() {}}
		begin := time.Now()
		read := make(chan error, 1)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			read <- err
		}()
		var one [1]byte
		for time.Since(begin) < 2*stall {
			go func() { _, _ = io.ReadFull(server, make([]byte, 1)) }()
			if _, err := conn.Write(one[:]); err != nil {
				t.Fatal(err)
			}
			<-time.After(stall / 3)
		}
		synctest.Wait()
		select {
		case err := <-read:
			t.Fatalf("Read ended while bytes were sent: %v", err)
		default:
		}
		if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read of a stalled connection: got error %v, want os.ErrDeadlineExceeded", err)
		}
		// The last byte was sent a third of a stall before the two had passed.
		if took := time.Since(begin); took != 3*stall-stall/3 {
			t.Errorf("Read failed after %v", took)
		}
	})
}
