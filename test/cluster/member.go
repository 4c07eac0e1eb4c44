package cluster

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/cluster/network"
)

// Member is one etcd of a cluster, running or not. Kill, Stop, Start, Pause and
// Resume wait for their effect and fail the test that started the cluster if it
// does not come.
type Member struct {
	Name       string
	ID         uint64 // set once the member has served
	ClientURL  string
	PeerURL    string // as advertised to the other members
	MetricsURL string // plain http: /metrics and /health below it
	DataDir    string
	LogFile    string
	Learner    bool

	c          *Cluster
	proxy      *network.Proxy
	listenPeer string
	bootstrap  []string // flags that matter only while DataDir is empty

	// Guarded by c.mu.
	proc     *process
	up       bool // started and not ended by Kill or Stop
	paused   bool
	isolated bool
}

const endOfProcess = 30 * time.Second

// Pid returns the process ID, or zero while the member is not running.
func (m *Member) Pid() int {
	if p := m.process(); p != nil && p.running() {
		return p.pid
	}
	return 0
}

func (m *Member) process() *process {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.proc
}

// serving reports whether the member is expected to follow the leader.
func (m *Member) serving() bool {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.up && !m.paused && !m.isolated
}

func (m *Member) launch(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(m.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatalf("cluster: open log: %v", err)
	}
	defer func() { _ = log.Close() }() // the child has its own
	args := append([]string{
		"--name=" + m.Name,
		"--data-dir=" + m.DataDir,
		"--listen-client-urls=" + m.ClientURL,
		"--advertise-client-urls=" + m.ClientURL,
		"--listen-peer-urls=" + m.listenPeer,
		"--initial-advertise-peer-urls=" + m.PeerURL,
		"--listen-metrics-urls=" + m.MetricsURL,
	}, m.c.args...)
	p, err := startProcess(Tool(t, m.c.program("etcd")), append(args, m.bootstrap...), log)
	if err != nil {
		t.Fatalf("cluster: start %s: %v", m.Name, err)
	}
	m.c.mu.Lock()
	m.proc, m.up, m.paused = p, true, false
	m.c.mu.Unlock()
}

// Start runs the member again on the same directory and ports. It waits until
// the member serves, unless the running members are no quorum yet: then the
// Start that completes the quorum waits for all.
func (m *Member) Start() {
	t := m.c.t
	t.Helper()
	if m.Pid() != 0 {
		t.Fatalf("cluster: start %s: it is running", m.Name)
	}
	m.launch(t)
	if m.c.quorate() && m.serving() {
		m.c.settle(t)
	}
}

// Restart is Stop, then Start.
func (m *Member) Restart() {
	m.c.t.Helper()
	m.Stop()
	m.Start()
}

// SetQuota restarts the members, one after the other, with another backend quota.
func (c *Cluster) SetQuota(t testing.TB, bytes int64) {
	t.Helper()
	c.args = append(c.args, fmt.Sprintf("--quota-backend-bytes=%d", bytes)) // if a flag is given twice, etcd uses the last
	for _, m := range c.Members {
		m.Restart()
	}
}

// Kill ends the member as a crash does, also when it is paused. It does nothing
// to a member that has ended.
func (m *Member) Kill() {
	m.c.t.Helper()
	m.expect(func() { m.up = false })
	m.signal("kill", syscall.SIGKILL)
	m.awaitExit("kill")
}

// Stop ends the member as systemd or kubelet does: a leader hands over first. It
// does nothing to a member that has ended.
func (m *Member) Stop() {
	m.c.t.Helper()
	m.expect(func() { m.up = false })
	m.signal("stop", syscall.SIGTERM)
	m.signal("stop", syscall.SIGCONT)
	m.awaitExit("stop")
}

// Pause freezes the process: its ports still accept connections and nothing
// answers.
func (m *Member) Pause() {
	m.c.t.Helper()
	m.expect(func() { m.paused = true })
	m.signal("pause", syscall.SIGSTOP)
	m.awaitFrozen("pause", true)
}

// Resume thaws a paused member and waits until it follows the leader again, if
// the running members are a quorum.
func (m *Member) Resume() {
	t := m.c.t
	t.Helper()
	m.signal("resume", syscall.SIGCONT)
	m.awaitFrozen("resume", false)
	m.expect(func() { m.paused = false })
	if m.c.quorate() && m.serving() {
		m.c.settle(t)
	}
}

// expect changes the answer of serving. It is called before a disturbance and after its end, so that nobody
// waits for a member that cannot answer.
func (m *Member) expect(change func()) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	change()
}

func (m *Member) signal(verb string, sig syscall.Signal) {
	m.c.t.Helper()
	p := m.process()
	if p == nil {
		m.c.t.Fatalf("cluster: %s %s: it was never started", verb, m.Name)
	}
	if err := p.signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		m.c.t.Fatalf("cluster: %s %s: %v", verb, m.Name, err)
	}
}

func (m *Member) awaitExit(verb string) {
	m.c.t.Helper()
	select {
	case <-m.process().done:
	case <-time.After(endOfProcess):
		m.c.t.Fatalf("cluster: %s %s: still running after %v", verb, m.Name, endOfProcess)
	}
}

func (m *Member) awaitFrozen(verb string, want bool) {
	m.c.t.Helper()
	p := m.process()
	await(m.c.t, verb+" "+m.Name, func() error {
		frozen, err := p.frozen()
		if err == nil && frozen != want {
			err = fmt.Errorf("frozen is %v", frozen)
		}
		return err
	})
}
