package listener

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// crowd bounds the connections of a listener. When one comes and there are too many, the one that waited longest is closed: a client that
// keeps a connection and says nothing never keeps out one that asks.
type crowd struct {
	net.Listener
	most int

	mu   sync.Mutex
	open map[*member]struct{}
}

// member is one connection of a crowd.
type member struct {
	net.Conn
	of      *crowd
	since   time.Time // when it last began to wait or to be served
	serving bool      // a request of it is being read or answered
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
	for {
		oldest, wait := c.add(m, time.Now())
		if wait == 0 {
			if oldest != nil {
				_ = oldest.Close() // it is given up
			}
			return m, nil
		}
		time.Sleep(wait) // meanwhile the kernel keeps who comes
	}
}

// young is how long a connection has at least to say what it wants, however many others come.
const young = 100 * time.Millisecond

// add takes a connection in, and returns the one that has to make room for it. It does not if every other one is young: then wait is the time after
// which to ask again.
func (c *crowd) add(m *member, now time.Time) (oldest *member, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= c.most {
		for o := range c.open {
			if oldest == nil || o.before(oldest) {
				oldest = o
			}
		}
		if age := now.Sub(oldest.since); age < young {
			return nil, min(young-age, young/10) // a place may be free before
		}
		delete(c.open, oldest)
	}
	m.since = now
	c.open[m] = struct{}{}
	return oldest, 0
}

// before reports whether m makes room first: one that waits before one that is served, and the older of two.
func (m *member) before(o *member) bool {
	if m.serving != o.serving {
		return !m.serving
	}
	return m.since.Before(o.since)
}

// note is told by http.Server what becomes of a connection.
func (c *crowd) note(conn net.Conn, state http.ConnState) {
	m := memberOf(conn)
	if m == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m.since, m.serving = time.Now(), state == http.StateActive
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
