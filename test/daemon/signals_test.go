package daemon

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/systemd"
	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/program"
)

// notices collects what a process tells the service manager.
type notices struct {
	mu   sync.Mutex
	told []string
}

// receive is a service manager for the processes that this test starts.
func receive(t *testing.T) *notices {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	n := new(notices)
	var reading sync.WaitGroup
	reading.Go(func() {
		message := make([]byte, 1<<16)
		for {
			size, err := conn.Read(message)
			if err != nil {
				return // closed
			}
			n.mu.Lock()
			n.told = append(n.told, string(message[:size]))
			n.mu.Unlock()
		}
	})
	t.Cleanup(func() { _ = conn.Close(); reading.Wait() })
	t.Setenv("NOTIFY_SOCKET", path)
	return n
}

func (n *notices) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.told, "\n")
}

// status is the last status line.
func (n *notices) status() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := len(n.told) - 1; i >= 0; i-- {
		if line, is := strings.CutPrefix(n.told[i], "STATUS="); is {
			return line
		}
	}
	return ""
}

func (n *notices) count(what string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for _, told := range n.told {
		if strings.HasPrefix(told, what) {
			count++
		}
	}
	return count
}

// TestSignals has one daemon read its configuration again, refuse a bad one and one of another cluster, refuse to end for a program
// that would not start, and end for one that would.
func TestSignals(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	s := program.On{Host: host.New(t, c, `snapshot: {schedule: "0 0 1 1 *"}`)}
	heard := receive(t)
	t.Setenv(systemd.RuntimeDirectory, t.TempDir())
	t.Setenv(systemd.CredentialsDirectory, t.TempDir())
	p := s.Start(t, "run")
	wait := func(what string, holds func() bool) {
		t.Helper()
		await.Until(t, time.Minute, waiting{what, p.Said, heard}, holds)
	}
	send := func(signal syscall.Signal) {
		t.Helper()
		if err := p.Cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	said := func(text string) func() bool { return func() bool { return strings.Contains(p.Said.String(), text) } }
	shows := func(text string) func() bool { return func() bool { return strings.Contains(heard.status(), text) } }

	// What the daemon logs and what it tells the service manager come by different ways: neither shows that the other has arrived. Only the
	// notices arrive in the order in which they were told.
	told := func(what string, times int) {
		t.Helper()
		wait(fmt.Sprintf("notice %q, %d times", what, times), func() bool { return heard.count(what) >= times })
	}
	onlyTold := func(what string, times int) {
		t.Helper()
		if n := heard.count(what); n != times {
			t.Errorf("notice %q came %d times, not %d:\n%s", what, n, times, heard)
		}
	}

	wait("a status line", shows("UNPROTECTED: nothing proven; a store has none; next "))
	onlyTold("READY=1", 1)

	s.Rewrite(t, `"0 0 1 1 *"`, `"0 0 2 2 *"`)
	send(syscall.SIGHUP)
	wait("the reload", said("configuration reloaded"))
	wait("the new schedule", said(`schedule="0 0 2 2 *"`))
	told("READY=1", 2)
	wait("a status of the new schedule", shows("next "+host.NextMidnight(time.February, 2)))
	onlyTold("RELOADING=1\nMONOTONIC_USEC=", 1)
	onlyTold("READY=1", 2)

	s.Rewrite(t, `"0 0 2 2 *"`, `"0 0 32 2 *"`)
	send(syscall.SIGHUP)
	wait("the refusal", said("configuration refused"))
	wait("the refusal in the status", shows("wrong: the changed configuration is refused: "+s.Config))
	send(syscall.SIGUSR1)
	wait("the refusal to restart", said("restart refused"))
	wait("that in the status", shows("wrong: it would not start again: "))

	s.Rewrite(t, `"0 0 32 2 *"`, `"0 0 3 3 *"`)
	s.Rewrite(t, "name: test", "name: other")
	send(syscall.SIGHUP)
	wait("the refusal of another cluster", said("cluster.name is other now and was test: a restart is needed"))
	if r := s.Run(t, "config", "check"); r.Code != program.Config || !strings.Contains(r.Err, "a restart is needed") {
		t.Errorf("the reload's check: exit %d\n%s", r.Code, r.Err)
	}
	s.Rewrite(t, "name: other", "name: test")
	s.Must(t, "config", "check")
	s.Rewrite(t, "stores:\n", "stores:\n  - name: second\n    s3: {bucket: etcd-backups, region: eu-central-1, credentials_file: \"credential:s3-second\"}\n")
	send(syscall.SIGHUP)
	wait("the refusal of a credential that nobody handed over", said("LoadCredential=s3-second:PATH"))
	if r := s.Run(t, "config", "check"); r.Code != program.Config || !strings.Contains(r.Err, "stores[0].s3.credentials_file") {
		t.Errorf("the reload's check: exit %d\n%s", r.Code, r.Err)
	}
	s.Rewrite(t, "stores:\n  - name: second\n    s3: {bucket: etcd-backups, region: eu-central-1, credentials_file: \"credential:s3-second\"}\n", "stores:\n")
	send(syscall.SIGHUP)
	wait("a status without the refusal", func() bool {
		return strings.Contains(heard.status(), "next "+host.NextMidnight(time.March, 3)) && !strings.Contains(heard.status(), "refused")
	})

	send(syscall.SIGUSR1)
	if err := p.Wait(); err != nil {
		t.Errorf("it ended with %v\n%s", err, p.Said)
	}
	if !said("restart begun between two runs")() {
		t.Errorf("said:\n%s", p.Said)
	}
	told("STOPPING=1", 1)
	onlyTold("STOPPING=1", 1)
}

// waiting says what did not come about.
type waiting struct {
	what  string
	said  *program.Log
	heard *notices
}

func (w waiting) String() string { return w.what + "\n" + w.said.String() + "\n" + w.heard.String() }
