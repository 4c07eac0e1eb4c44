package daemon

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
)

// manager is a service manager that remembers what it was told.
type manager struct {
	mu   sync.Mutex
	told []string
	line string
}

func (m *manager) note(what string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, what)
	return nil
}

func (m *manager) Ready() error     { return m.note("ready") }
func (m *manager) Reloading() error { return m.note("reloading") }
func (m *manager) Stopping() error  { return m.note("stopping") }

func (m *manager) Status(line string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line = line
	return nil
}

// await waits until the status line contains a text.
func (m *manager) await(t *testing.T, text string) {
	t.Helper()
	await.Until(t, time.Minute, waiting{m, text}, func() bool { return strings.Contains(m.shown(), text) })
}

// shown is the status line.
func (m *manager) shown() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.line
}

// waiting says what did not come about.
type waiting struct {
	m    *manager
	text string
}

func (w waiting) String() string {
	return "a status line with " + w.text + ", instead of " + w.m.shown()
}

// TestReload has a daemon, without a process of its own, take a changed schedule, refuse a configuration that cannot be used and one of another cluster, refuse to
// end for a program that would not start, and end for one that would.
func TestReload(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	h := host.New(t, c, `snapshot: {schedule: "0 0 1 1 *"}`)
	m, signals := new(manager), make(chan os.Signal)
	var wouldStart error
	ended := make(chan error, 1)
	go func() {
		ended <- Run(context.WithoutCancel(t.Context()), Options{Load: h.Open, Signals: signals, Notify: m,
			WouldStart: func(context.Context) error { return wouldStart }, ConfigPath: h.Config, Version: "test"})
	}()
	m.await(t, "next "+host.NextMidnight(time.January, 1))

	h.Rewrite(t, `"0 0 1 1 *"`, `"0 0 2 2 *"`)
	signals <- syscall.SIGHUP
	m.await(t, "next "+host.NextMidnight(time.February, 2))

	h.Rewrite(t, `"0 0 2 2 *"`, `"0 0 32 2 *"`)
	signals <- syscall.SIGHUP
	m.await(t, "wrong: the changed configuration is refused: ")
	h.Rewrite(t, `"0 0 32 2 *"`, `"0 0 3 3 *"`)
	h.Rewrite(t, "name: test", "name: other")
	signals <- syscall.SIGHUP
	m.await(t, "cluster.name is other now and was test: a restart is needed")

	wouldStart = errors.New("the new program is broken")
	signals <- syscall.SIGUSR1
	m.await(t, "wrong: it would not start again: the new program is broken")

	h.Rewrite(t, "name: other", "name: test")
	signals <- syscall.SIGHUP
	m.await(t, "next "+host.NextMidnight(time.March, 3))

	wouldStart = nil
	signals <- syscall.SIGUSR1
	if err := <-ended; err != nil {
		t.Error(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if want := "ready reloading ready reloading ready reloading ready reloading ready stopping"; strings.Join(m.told, " ") != want {
		t.Errorf("told %q, want %q", m.told, want)
	}
}
