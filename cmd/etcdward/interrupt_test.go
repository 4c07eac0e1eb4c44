package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/cmd/etcdward/signals"
	"github.com/etcdward/etcdward/storage/storagetest"
	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/cluster"
)

// stuck is a process of etcdward that no context ends.
type stuck struct {
	*exec.Cmd
	said  *log
	ended chan error
}

// startStuck starts this test's own binary as etcdward, and waits until it has blocked: a file of it hangs.
func startStuck(t *testing.T, args ...string) *stuck {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &stuck{Cmd: exec.Command(self, args...), said: new(log), ended: make(chan error, 1)}
	p.Env = append(os.Environ(), asEtcdward+"=1")
	p.Stdout, p.Stderr = p.said, p.said
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	t.Cleanup(func() { _ = p.Process.Kill() }) // it may have ended
	return p
}

// blocksIn reports whether a thread of the process waits in a system call that holds the file's path: in open, or in a FUSE request.
func (p *stuck) blocksIn(where ...string) bool {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", p.Process.Pid))
	return err == nil && slices.ContainsFunc(tasks, func(path string) bool {
		text, err := os.ReadFile(path)
		return err == nil && slices.ContainsFunc(where, func(w string) bool { return strings.Contains(string(text), w) })
	})
}

// twice sends two signals, and wants the process to end soon after the second; also after the first, if it may.
func (p *stuck) twice(t *testing.T, signal os.Signal, firstMayDo bool) {
	t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		if firstMayDo {
			p.wantInterrupted(t, err)
			return
		}
		t.Fatalf("it ended after one signal (%v), and so hung nowhere:\n%s", err, p.said)
	case <-time.After(10 * signals.SameSignal): // the process counts from when it gets to see the first, which a busy machine delays
	}
	// A process that a busy machine did not let run meanwhile sees both at once, and takes them for one: then the next is its second.
	again := time.NewTicker(3 * time.Second)
	defer again.Stop()
	late := time.After(10 * time.Second)
	for begun := time.Now(); ; {
		if err := p.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		select {
		case err := <-p.ended:
			p.wantInterrupted(t, err)
			return
		case <-again.C:
		case <-late:
			threads, _ := exec.Command("sh", "-c", fmt.Sprintf("cat /proc/%d/task/*/stat /proc/%d/task/*/wchan", p.Process.Pid, p.Process.Pid)).CombinedOutput()
			t.Fatalf("it goes on %s after the second signal:\n%s\n%s", time.Since(begun), p.said, threads)
		}
	}
}

func (p *stuck) wantInterrupted(t *testing.T, err error) {
	t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("it ended with %v, want %d:\n%s", err, exitInterrupted, p.said)
	}
}

// TestSecondSignal has a configuration that is a fifo which nobody writes to: each verb waits for it for ever.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "config.yaml")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"run", "snapshot", "status"} {
		for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			t.Run(fmt.Sprint(verb, " ", signal), func(t *testing.T) {
				p := startStuck(t, "--config", fifo, "--state-dir", t.TempDir(), verb)
				await.Until(t, time.Minute, p.said, func() bool { return p.blocksIn("fifo_open", "wait_for_partner") })
				p.twice(t, signal, false)
			})
		}
	}
}

// TestSecondSignalOnShare has the configuration on a share that hangs, and then the store.
func TestSecondSignalOnShare(t *testing.T) {
	share := storagetest.Mount(t)
	path := share.Path
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	s := newSite(t, c, fmt.Sprintf("stores: [{name: nas, directory: {path: %s}}]", filepath.Join(path, "store")))
	if err := os.Mkdir(filepath.Join(path, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := read(t, s.config)
	onShare := filepath.Join(path, "config.yaml")
	if err := os.WriteFile(onShare, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	share.Hang(t) // and has stopped: a server that takes a request and then stops leaves a caller that nothing can kill
	for config, verbs := range map[string][]string{onShare: {"run", "list"}, s.config: {"snapshot", "list"}} {
		for _, verb := range verbs {
			p := startStuck(t, "--config", config, "--state-dir", t.TempDir(), verb)
			await.Until(t, time.Minute, p.said, func() bool { return p.blocksIn("request_wait_answer", "fuse") })
			p.twice(t, syscall.SIGTERM, config == s.config)
		}
	}
}
