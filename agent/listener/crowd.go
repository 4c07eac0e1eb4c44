package listener

import (
	"net"
	"net/http"
	"sync"
)

// crowd bounds the connections of a listener. When one comes and there are too many, the one that waited longest is closed: a client that
// keeps a connection and says nothing never keeps out one that asks.
type crowd struct {
	net.Listener
	most int

	mu    sync.Mutex
	order uint64
	open  map[*member]struct{}
}

// member is one connection of a crowd.
type member struct {
	net.Conn
	of      *crowd
	since   uint64 // when it last began to wait or to be served: smaller is earlier
	serving bool   // a request of it is being read or answered
}

func newCrowd(l net.Listener, most int) *crowd {
	return &crowd{Listener: l, most: most, open: map[*member]struct{}{}}
}

// Accept implements net.Listener.
func (c *crowd) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	m := &member{Conn: conn, of: c}
	if oldest := c.add(m); oldest != nil {
		_ = oldest.Close() // it is given up
	}
	return m, nil
}

// add takes a connection in, and returns the one that has to make room for it.
func (c *crowd) add(m *member) (oldest *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= c.most {
		for o := range c.open {
			if oldest == nil || o.before(oldest) {
				oldest = o
			}
		}
		delete(c.open, oldest)
	}
	c.order++
	m.since = c.order
	c.open[m] = struct{}{}
	return oldest
}

// before reports whether m makes room first: one that waits before one that is served, and the older of two.
func (m *member) before(o *member) bool {
	if m.serving != o.serving {
		return !m.serving
	}
	return m.since < o.since
}

// note is told by http.Server what becomes of a connection.
func (c *crowd) note(conn net.Conn, state http.ConnState) {
	m := memberOf(conn)
	if m == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order++
	m.since, m.serving = c.order, state == http.StateActive
}

// memberOf finds the connection of the crowd below one of TLS.
func memberOf(conn net.Conn) *member {
	if below, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = below.NetConn()
	}
	m, _ := conn.(*member)
	return m
}

// Close implements net.Conn.
func (m *member) Close() error {
	m.of.mu.Lock()
	delete(m.of.open, m)
	m.of.mu.Unlock()
	return m.Conn.Close()
}
