package storage

import (
	"context"
	"net"
	"time"
)

// StallingDialer returns a dialer for the connections to a store. A connection of it
// fails when for the time stall no byte moved on it, in neither direction: while a body
// is sent, the reader of the answer waits, and that is no stall. So no time need be set
// for the transfer of an object, whose size and whose line nobody knows.
func StallingDialer(stall time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &stallingConn{conn, stall}, nil
	}
}

type stallingConn struct {
	net.Conn
	stall time.Duration
}

func (c *stallingConn) Read(p []byte) (int, error)  { return c.move(p, c.Conn.Read) }
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
