package container

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// valve stands before a server and can hold up everything that goes to it.
type valve struct {
	address string

	mu   sync.Mutex
	open *sync.Cond
	shut bool
}

func newValve(t *testing.T, endpoint string) *valve {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &valve{address: listener.Addr().String()}
	v.open = sync.NewCond(&v.mu)
	var wg sync.WaitGroup
	var conns []net.Conn
	t.Cleanup(func() {
		_ = listener.Close()
		v.set(false)
		v.mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		v.mu.Unlock()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "http://"))
			if err != nil {
				_ = client.Close()
				continue
			}
			v.mu.Lock()
			conns = append(conns, client, server)
			v.mu.Unlock()
			wg.Go(func() { _, _ = io.Copy(held{server, v}, client); _ = server.Close() })
			wg.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
		}
	})
	return v
}

func (v *valve) set(shut bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shut = shut
	v.open.Broadcast()
}

// held writes when the valve is open.
type held struct {
	io.Writer
	v *valve
}

func (h held) Write(p []byte) (int, error) {
	h.v.mu.Lock()
	for h.v.shut {
		h.v.open.Wait()
	}
	h.v.mu.Unlock()
	return h.Writer.Write(p)
}
