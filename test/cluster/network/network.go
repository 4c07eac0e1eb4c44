// Package network carries the peer traffic of a test's cluster, so that members can be cut off from each other.
//
// It does not know etcd, but for the header in which a member names itself to another. Its invariant is that no
// connection and no goroutine outlives Close.
package network

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// Network carries the peer traffic of a cluster, through one proxy in front of
// each member, so that a pair of members can be cut apart.
//
// A message from A to C may travel on a stream that C has opened to A, hence
// cutting C's own proxy is not enough: each connection is judged by its sender
// too, which rafthttp names in a header.
type Network struct {
	wg sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	proxies []*Proxy
	links   map[*link]struct{}
	// cut is keyed by member ID in the form of the header.
	cut map[string]*Proxy
}

// Proxy takes the connections to one member's advertised peer URL.
type Proxy struct {
	net    *Network
	ln     net.Listener
	member string // where the member listens, host:port
}

// link is one connection from a member to another. Its sender is empty until the first request was read, and
// stays empty if that request names none.
type link struct {
	to     *Proxy
	sender string
	conns  []net.Conn
}

// New is a network without members.
func New() *Network {
	return &Network{links: make(map[*link]struct{}), cut: make(map[string]*Proxy)}
}

// Listen begins to take connections for the member that listens at host:port.
func (n *Network) Listen(member string) (*Proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{net: n, ln: ln, member: member}
	n.mu.Lock()
	n.proxies = append(n.proxies, p)
	n.mu.Unlock()
	n.wg.Go(p.accept)
	return p, nil
}

// Addr is the host:port that the member advertises to the others.
func (p *Proxy) Addr() string { return p.ln.Addr().String() }

func (p *Proxy) accept() {
	for {
		conn, err := p.ln.Accept()
		if err != nil {
			return
		}
		l := &link{to: p}
		if p.net.admit(l, conn) {
			p.net.wg.Go(func() { p.carry(l, conn) })
		}
	}
}

// carry moves the bytes of one connection until either side ends it.
func (p *Proxy) carry(l *link, from net.Conn) {
	defer p.net.drop(l)
	r := bufio.NewReader(from)
	head, sender, err := readHead(r)
	if err != nil || !p.net.identify(l, sender) {
		return
	}
	to, err := net.Dial("tcp", p.member)
	if err != nil || !p.net.admit(l, to) {
		return
	}
	p.net.wg.Go(func() {
		defer p.net.drop(l)
		_, _ = io.Copy(from, to) // a broken connection is what the peers see and handle
	})
	rest, _ := r.Peek(r.Buffered())
	if _, err := to.Write(append(head, rest...)); err == nil {
		_, _ = io.Copy(to, from)
	}
}

// readHead reads the first request up to its body and returns it with its
// sender. A request that names none (a probe, a question for the version) may
// share its connection with others that do, so it is made the last on it.
func readHead(r *bufio.Reader) (head []byte, sender string, err error) {
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil, "", err
		}
		head = append(head, line...)
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return nil, "", err
	}
	if sender = req.Header.Get("X-Server-From"); sender == "" {
		head = append(head[:len(head)-len("\r\n")], "Connection: close\r\n\r\n"...)
	}
	return head, sender, nil
}

// admit makes conn part of the link, or closes it where the link is cut.
func (n *Network) admit(l *link, conn net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.severed(l) {
		_ = conn.Close()
		return false
	}
	l.conns = append(l.conns, conn)
	n.links[l] = struct{}{}
	return true
}

// identify notes the sender and reports whether the link may go on.
func (n *Network) identify(l *link, sender string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	l.sender = sender
	return !n.closed && !n.severed(l)
}

func (n *Network) severed(l *link) bool {
	if _, ok := n.cut[l.sender]; ok {
		return true
	}
	for _, p := range n.cut {
		if p == l.to {
			return true
		}
	}
	return false
}

func (n *Network) drop(l *link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dropLocked(l)
}

func (n *Network) dropLocked(l *link) {
	for _, conn := range l.conns {
		_ = conn.Close()
	}
	delete(n.links, l)
}

// Isolate cuts a member from all others: its connections are closed and new
// ones refused, whoever opens them.
func (n *Network) Isolate(id uint64, p *Proxy) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[strconv.FormatUint(id, 16)] = p
	for l := range n.links {
		if n.severed(l) {
			n.dropLocked(l)
		}
	}
}

// Heal ends Isolate.
func (n *Network) Heal(id uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cut, strconv.FormatUint(id, 16))
}

// Close ends all connections.
func (n *Network) Close() {
	n.mu.Lock()
	n.closed = true
	for _, p := range n.proxies {
		_ = p.ln.Close()
	}
	for l := range n.links {
		n.dropLocked(l)
	}
	n.mu.Unlock()
	n.wg.Wait()
}
