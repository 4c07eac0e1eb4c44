package spool

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestLock: another process keeps this one out until it is killed; and so does another user of the same process.
func TestLock(t *testing.T) {
	s, _ := open(t, 1<<20)
	cmd, out := start(t, s, "lock")
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "locked" {
		t.Fatalf("the other process said %q", lines.Text())
	}
	// Nothing else waits for it: what is added goes into the spool while a slow store takes its time.
	s2, making, err := openIn(filepath.Dir(s.area.Path()), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	mustAdd(t, s2, making, manifest(1, 100))

	for range 2 {
		impatient, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, os.ErrDeadlineExceeded)
		if _, err := s.Lock(impatient); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Lock beside another process: got %v", err)
		}
		cancel()
	}
	locked := make(chan error)
	var unlock func() error
	go func() {
		var err error
		unlock, err = s.Lock(t.Context())
		locked <- err
	}()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as it should be
	if err := <-locked; err != nil {
		t.Fatalf("Lock after the other was killed: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s2.Lock(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Lock of a locked spool: got %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = s2.Lock(t.Context())
	if err != nil {
		t.Fatalf("Lock after the unlock: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, s, []string{manifest(1, 100).ID}) // no leftover of making the lock
}

// TestLockHandedOver: the daemon's user can open what root made, and root follows no link of that user's.
func TestLockHandedOver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can give files away")
	}
	home := t.TempDir()
	if err := os.Chown(home, 12345, 23456); err != nil {
		t.Fatal(err)
	}
	s, making, err := openIn(home, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	m := manifest(1, 100)
	mustAdd(t, s, making, m)
	for _, path := range []string{s.area.Path(), filepath.Join(s.area.Path(), ".lock"), s.dataPath(m.ID), s.recordPath(m.ID)} {
		var stat syscall.Stat_t
		if err := syscall.Lstat(path, &stat); err != nil || stat.Uid != 12345 || stat.Gid != 23456 {
			t.Errorf("%s belongs to %d:%d, error %v", path, stat.Uid, stat.Gid, err)
		}
	}
	lock := filepath.Join(s.area.Path(), ".lock")
	if err := errors.Join(os.Remove(lock), os.Symlink("/dev/null", lock)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(t.Context()); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("Lock where there is a link: got %v", err)
	}
}
