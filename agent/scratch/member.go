// Package scratch boots an etcd of our own in a child process. It runs on a restored directory, to prove that
// this holds what it should, and as the members of the demonstration's cluster. The package is the only
// importer of etcd's server, and knows neither snapshots nor stores.
//
// Its one invariant: the server listens on loopback addresses only, and ends together with the process that
// started it.
package scratch

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent/child"
)

// Spec describes the member to boot.
type Spec struct {
	Name      string `json:"name"`
	DataDir   string `json:"data_dir"`
	ClientURL string `json:"client_url"`
	PeerURL   string `json:"peer_url"`
	// InitialCluster and Token are the values of etcd's flags of those names.
	InitialCluster string `json:"initial_cluster"`
	Token          string `json:"token"`
	// LogFile receives etcd's log, from level warn up.
	LogFile string `json:"log_file"`
}

// validate refuses every address but loopback.
func (s Spec) validate() error {
	for _, text := range []string{s.ClientURL, s.PeerURL} {
		u, err := url.Parse(text)
		if err != nil {
			return fmt.Errorf("member %s: %w", s.Name, err)
		}
		if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("member %s: %s is no loopback address", s.Name, text)
		}
	}
	return nil
}

// Member is a running child.
type Member struct {
	Spec    Spec
	process *child.Process
	said    *bufio.Reader

	mu sync.Mutex // guards stdin and the answers to what is written there
}

// stopTime is how long a member may take to end by itself.
const stopTime = 10 * time.Second

// Boot starts a child, which begins to form or join its cluster; Ready waits until it has. The child ends
// with Stop, or together with this process.
func Boot(spec Spec) (*Member, error) {
	if err := spec.validate(); err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	argument, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("boot member %s: %w", spec.Name, err)
	}
	process, err := membership.Start(context.Background(), []string{string(argument)})
	if err != nil {
		return nil, fmt.Errorf("boot member %s: %w", spec.Name, err)
	}
	return &Member{Spec: spec, process: process, said: bufio.NewReader(process.Stdout)}, nil
}

// Ready waits until the member serves clients.
func (m *Member) Ready(ctx context.Context) error {
	stop := context.AfterFunc(ctx, m.process.Kill)
	defer stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.expect(ctx, sayReady)
}

// expect reads one line of the child.
func (m *Member) expect(ctx context.Context, want string) error {
	line, err := m.said.ReadString('\n')
	line = strings.TrimSpace(line)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("member %s: %w", m.Spec.Name, context.Cause(ctx))
	case err != nil:
		return errors.Join(fmt.Errorf("member %s ended: %w", m.Spec.Name, err), m.wait())
	case line != want:
		return fmt.Errorf("member %s: %s", m.Spec.Name, line)
	}
	return nil
}

// Change is one write to the key space. If Delete is set, Value is ignored.
type Change struct {
	Key    string `json:"key"`
	Value  []byte `json:"value,omitempty"`
	Delete bool   `json:"delete,omitempty"`
}

// Write makes the changes one after the other through this member, and returns when the cluster has agreed on
// all of them.
func (m *Member) Write(ctx context.Context, changes []Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	line, err := json.Marshal(changes)
	if err != nil {
		return fmt.Errorf("member %s: %w", m.Spec.Name, err)
	}
	if _, err := m.process.Stdin.Write(append(line, '\n')); err != nil {
		return errors.Join(fmt.Errorf("member %s: %w", m.Spec.Name, err), m.wait())
	}
	return m.expect(ctx, sayDone)
}

// Stop shuts the member down, and kills it if that takes too long.
func (m *Member) Stop() error {
	kill := time.AfterFunc(stopTime, m.process.Kill)
	defer kill.Stop()
	return errors.Join(m.process.Stdin.Close(), m.wait())
}

// wait waits until the child has ended.
func (m *Member) wait() error {
	if err := m.process.Wait(); err != nil {
		return fmt.Errorf("member %s: %w", m.Spec.Name, err)
	}
	return nil
}
