package storagetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Share is a folder that is mounted by FUSE, as a network share is. Only root can have one: without, the test is skipped.
type Share struct {
	// Path is where it is mounted, and Disk the folder behind it.
	Path, Disk string

	server *os.Process
}

// Mount mounts a share until the test ends. Its flags are those of test/tools/share.
func Mount(t *testing.T, flags ...string) *Share {
	t.Helper()
	binary := tool(t, "share")
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can mount a share")
	}
	s := &Share{Path: t.TempDir(), Disk: t.TempDir()}
	cmd := exec.Command(binary, append(flags, s.Disk, s.Path)...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.server = cmd.Process
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = s.server.Signal(syscall.SIGCONT) // it may have ended
		// What still uses it must not keep the test from ending.
		if err := unix.Unmount(s.Path, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", s.Path, err)
		}
		_ = cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("share said: %s", said.String())
		}
	})
	deadline := time.After(20 * time.Second)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("share ended: %v: %s", err, said.String())
		case <-deadline:
			t.Fatal("share does not mount")
		case <-poll.C:
			var stat unix.Statfs_t
			if err := unix.Statfs(s.Path, &stat); err == nil && stat.Type == unix.FUSE_SUPER_MAGIC {
				return s
			}
		}
	}
}

// Hang makes every call to the share wait, as one whose server is gone does on a hard mount, until Resume.
func (s *Share) Hang(t *testing.T) {
	t.Helper()
	if err := s.server.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !stopped(t, s.server.Pid) {
		if <-poll.C; time.Now().After(deadline) {
			t.Fatal("the share does not stop")
		}
	}
}

// stopped reports whether no thread of a process runs.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("no threads of process %d: %v", pid, err)
	}
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if err != nil {
			return false // it ended
		}
		_, state, ok := strings.Cut(string(stat), ") ")
		if !ok || !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

// Kill ends the server of the share, whose mount stays, of no more use.
func (s *Share) Kill(t *testing.T) {
	t.Helper()
	if err := s.server.Kill(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for {
		var stat unix.Stat_t
		if err := unix.Stat(s.Path, &stat); errors.Is(err, unix.ENOTCONN) || errors.Is(err, unix.ECONNABORTED) {
			return
		}
		if <-poll.C; time.Now().After(deadline) {
			t.Fatal("the share outlives its server")
		}
	}
}

// Resume ends what Hang began.
func (s *Share) Resume(t *testing.T) {
	t.Helper()
	if err := s.server.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}
