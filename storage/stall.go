package storage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// ErrAway means that a store cannot be reached: nobody answers at its address, and nobody did for a while, or its folder is not there.
// Providers do not try again then, so that the caller can turn to its other stores.
var ErrAway = errors.New("the store cannot be reached")

const (
	// connectTime is how long one try to connect may take.
	connectTime = 10 * time.Second
	// connects is how many of them must fail, one after the other, before a store is away.
	connects = 3
	// patience is how long a store that was heard of is not away, whatever fails: it may
	// be restarting in the middle of a large object.
	patience = 2 * time.Minute
)

// StallingDialer returns a dialer for the connections to a store. A connection of it
// fails if no byte moved on it, in either direction, for the time stall. While a body is
// sent, the reader of the answer waits: that is no stall. So the transfer of an object
// needs no time limit, which would depend on its size and on the line.
//
// Its errors wrap ErrAway once a store is away. Then the retries of several operations do
// not add up. The next connection that succeeds ends that.
func StallingDialer(stall time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	contacts := &contacts{of: map[string]contact{}, now: time.Now}
	dialer := &net.Dialer{Timeout: connectTime, KeepAlive: 30 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		switch {
		case err == nil:
			contacts.heard(address)
			return &stallingConn{conn, stall, func() { contacts.heard(address) }}, nil
		case ctx.Err() == nil && contacts.missed(address):
			return nil, fmt.Errorf("%w: %w", ErrAway, err)
		}
		return nil, err
	}
}

// contacts is when which address was heard of.
type contacts struct {
	now func() time.Time

	mu sync.Mutex
	of map[string]contact
}

type contact struct {
	last   time.Time
	misses int
}

func (c *contacts) heard(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[address] = contact{last: c.now()}
}

// missed notes a failure, and reports whether the address is away.
func (c *contacts) missed(address string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	contact := c.of[address]
	contact.misses++
	c.of[address] = contact
	return contact.misses >= connects && c.now().Sub(contact.last) > patience
}

type stallingConn struct {
	net.Conn
	stall time.Duration
	heard func()
}

func (c *stallingConn) Read(p []byte) (int, error) {
	n, err := c.move(p, c.Conn.Read)
	if n > 0 {
		c.heard()
	}
	return n, err
}

func (c *stallingConn) Write(p []byte) (int, error) { return c.move(p, c.Conn.Write) }

func (c *stallingConn) move(p []byte, do func([]byte) (int, error)) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	n, err := do(p)
	if n > 0 && err == nil {
		err = c.SetDeadline(time.Now().Add(c.stall))
	}
	return n, err
}
