package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/scratch"
)

// members is three members on loopback.
type members struct {
	members []*scratch.Member
	data    changes
	written int
}

// startMembers boots the members and waits for all of them.
func startMembers(ctx context.Context, dir string) (*members, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(ctx, 6)
	if err != nil {
		return nil, err
	}
	var specs []scratch.Spec
	var initial []string
	for i := range 3 {
		s := scratch.Spec{Name: fmt.Sprintf("cp-%d", i+1), ClientURL: "http://" + addresses[2*i], PeerURL: "http://" + addresses[2*i+1], Token: "etcdward-demo"}
		s.DataDir, s.LogFile = filepath.Join(dir, s.Name), filepath.Join(dir, s.Name+".log")
		specs = append(specs, s)
		initial = append(initial, s.Name+"="+s.PeerURL)
	}
	c := &members{}
	for _, s := range specs {
		s.InitialCluster = strings.Join(initial, ",")
		m, err := scratch.Boot(s)
		if err != nil {
			return nil, errors.Join(err, c.stop())
		}
		c.members = append(c.members, m)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, m := range c.members {
		if err := m.Ready(ctx); err != nil {
			return nil, errors.Join(err, c.stop())
		}
	}
	return c, nil
}

// freeAddresses finds loopback addresses that nobody listens on.
func freeAddresses(ctx context.Context, n int) ([]string, error) {
	var addresses []string
	var listeners []net.Listener
	var failed error
	var listen net.ListenConfig
	for range n {
		l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			failed = err
			break
		}
		listeners = append(listeners, l)
		addresses = append(addresses, l.Addr().String())
	}
	for _, l := range listeners {
		failed = errors.Join(failed, l.Close())
	}
	return addresses, failed
}

// config is the configuration file for an agent of this cluster.
func (c *members) config(store string) string {
	var endpoints []string
	for _, m := range c.members {
		endpoints = append(endpoints, m.Spec.ClientURL)
	}
	return fmt.Sprintf(`# Written by etcdward demo.
cluster:
  name: demo
  endpoints: [%s]
  ca_file: ""
  cert_file: ""
  key_file: ""
snapshot:
  schedule: "* * * * *"
stores:
  - name: primary
    %s
retention: {keep_within: 0, keep_last: 2}
compaction: {schedule: off}
defrag: {schedule: off}
drill: {schedule: off}
metrics: {listen: off}
`, strings.Join(endpoints, ", "), store)
}

// write makes the next n changes that a Kubernetes cluster would make.
func (c *members) write(ctx context.Context, n int) error {
	const batch = 200
	for n > 0 {
		changes := c.data.next(min(n, batch))
		if err := c.members[c.written%len(c.members)].Write(ctx, changes); err != nil {
			return err
		}
		c.written += len(changes)
		n -= len(changes)
	}
	return nil
}

// stop ends all members.
func (c *members) stop() error {
	var errs error
	for _, m := range c.members {
		errs = errors.Join(errs, m.Stop())
	}
	return errs
}
