package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/cluster"
)

// mute listens, takes every connection and answers none, as a store behind a firewall or a hung gateway. calls counts them.
func mute(t *testing.T) (address string, calls *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	calls = new(atomic.Int64)
	var serving sync.WaitGroup
	var conns []net.Conn
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			calls.Add(1)
			conns = append(conns, conn)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	return listener.Addr().String(), calls
}

// TestEtcdIsAskedFirst has an etcd that is down beside a store that does not answer, while prunes wait to be finished: what is wrong with etcd is said at
// once, and the store is not asked. Once etcd is up, the house-keeping follows the work.
func TestEtcdIsAskedFirst(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	s := newSite(t, c)
	good := read(t, s.config)
	note := filepath.Join(s.state, "removals", "removing-primary.json")
	if err := os.MkdirAll(filepath.Dir(note), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(note, []byte(`["20261101T100000Z-0000000000000001"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	address, calls := mute(t)
	s.edit(t, fmt.Sprintf("directory: {path: %s}", s.store), fmt.Sprintf("s3: {bucket: backups, endpoint: \"http://%s\", region: r}", address))
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	c.Members[0].Kill()
	begun := time.Now()
	r := s.etcdward(t, "snapshot")
	if took := time.Since(begun); r.code != exitFailed || took > 10*time.Second || !strings.Contains(r.err, "no endpoint answers") {
		t.Errorf("exit %d after %s:\n%s", r.code, took, r.err)
	}
	if n := calls.Load(); n > 0 {
		t.Errorf("the store was asked %d times before etcd", n)
	}

	c.Members[0].Start()
	if err := os.WriteFile(s.config, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must(t, "snapshot")
	if _, err := os.Stat(note); err == nil {
		t.Error("the prunes that waited were not finished")
	}
}
