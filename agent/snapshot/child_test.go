package snapshot

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/child"

	"github.com/etcdward/etcdward/test/await"
)

// parentVariable makes this test binary, started again, a parent that inspects the file it names.
const parentVariable = "ETCDWARD_SNAPSHOT_TEST_PARENT"

// slow is a file that a child never finishes: opening it waits for a writer.
func slow(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// childOn returns the process that inspects path; 0 if no such process is alive.
func childOn(path string) int {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		arguments, err := os.ReadFile(filepath.Join(folder, "cmdline"))
		if err != nil || !bytes.Contains(arguments, []byte("\x00"+inspection.Name+"\x00"+path+"\x00")) {
			continue // a process that was not waited for yet has none
		}
		if pid, err := strconv.Atoi(filepath.Base(folder)); err == nil {
			return pid
		}
	}
	return 0
}

func awaitChild(t *testing.T, path string) (pid int) {
	t.Helper()
	await.Until(t, time.Minute, "start of the child", func() bool { pid = childOn(path); return pid != 0 })
	return pid
}

func TestInspectionCancelled(t *testing.T) {
	path := slow(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	ended := make(chan error)
	go func() {
		_, err := inspectInChild(ctx, path, 0, asItIs)
		ended <- err
	}()
	awaitChild(t, path)
	cancel(cause)
	if err := <-ended; !errors.Is(err, cause) || errors.Is(err, ErrDamaged) {
		t.Errorf("inspectInChild: got %v, want the cause of the cancellation", err)
	}
	if pid := childOn(path); pid != 0 {
		t.Errorf("the child %d lives on", pid)
	}
}

// TestChildKilled checks that a child that is killed from outside proves nothing about the file.
func TestChildKilled(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGABRT} {
		path := slow(t)
		ended := make(chan error)
		go func() {
			_, err := inspectInChild(t.Context(), path, 0, asItIs)
			ended <- err
		}()
		if err := syscall.Kill(awaitChild(t, path), signal); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err == nil || errors.Is(err, ErrDamaged) {
			t.Errorf("child ended by %v: got %v, want an error that is not damage", signal, err)
		}
	}
}

// TestParentKilled checks that the child ends by itself when nobody waits for its answer.
func TestParentKilled(t *testing.T) {
	path := slow(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), self)
	parent.Env = append(os.Environ(), parentVariable+"="+path)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	awaitChild(t, path)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed, as it should be
	t.Cleanup(func() {
		if pid := childOn(path); pid != 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it should have ended; nobody else would do it
		}
	})
	await.Until(t, time.Minute, "end of the child", func() bool { return childOn(path) == 0 })
}

func TestCannotOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	if _, err := inspectInChild(t.Context(), path, 0, asItIs); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("no file: got %v, want an error that is not damage", err)
	}
	if _, err := inspect(path, 0, asItIs); !errors.Is(err, errCannotOpen) {
		t.Errorf("no file: inspect: got %v, want errCannotOpen", err)
	}
}

// TestFileInUse checks that a sound file that another process writes to does not count as damaged.
func TestFileInUse(t *testing.T) {
	t.Parallel() // it waits for the lock
	path := write(t, fixture())
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	// A shared lock, as staging holds, is no hindrance.
	if err := unix.Flock(int(file.Fd()), unix.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	if e := examine(t, path, 0); !e.OK() {
		t.Errorf("with a shared lock: got %+v", e)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := inspect(path, 0, asItIs); !errors.Is(err, errCannotOpen) {
		t.Errorf("with an exclusive lock: got %v, want errCannotOpen", err)
	}
}

func TestCrashed(t *testing.T) {
	die := func(script string) error {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
		said, err := cmd.CombinedOutput()
		if err == nil {
			t.Fatalf("%s: lives", script)
		}
		return &child.Death{End: cmd.ProcessState, Said: string(said)}
	}
	for name, test := range map[string]struct {
		err     error
		damaged bool
		says    string
	}{
		"panic":         {die("echo panic: index out of range; exit 2"), true, "the parser crashed on it: panic: index out of range"},
		"out of memory": {die("echo fatal error: runtime: out of memory; exit 2"), false, "walk file: too little memory"},
		"killed":        {die("kill -9 $$"), false, "walk file: the child ended with signal: killed"},
		"no process":    {errors.New("wait: broken pipe"), false, "walk file: wait: broken pipe"},
	} {
		if err := crashed("walk", "file", test.err); errors.Is(err, ErrDamaged) != test.damaged || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want damage: %v", name, err, test.damaged)
		}
	}
}

// TestAnswer looks at what a child would say.
func TestAnswer(t *testing.T) {
	twice := synced(t)
	freelist := pageAt(twice, metaOf(twice).freelist)[headerSize:]
	copy(freelist[8:16], freelist[:8])
	missing := filepath.Join(t.TempDir(), strings.Repeat("long/", 1000))
	for name, test := range map[string]struct {
		got             answer
		damage, trouble string
	}{
		"sound":      {answerTo(write(t, fixture()), "6", "-1"), "", ""},
		"minor":      {answerTo(write(t, fixture()), "six", "-1"), "", "invalid syntax"},
		"no file":    {answerTo(missing, "6", "-1"), "", "cannot open"},
		"bad pages":  {answerTo(write(t, withTrailer(twice)), "6", "-1"), "2 bad pages, the first: page", ""},
		"no pages":   {answerTo(write(t, make([]byte, 4*pageSize)), "6", "-1"), "open as bbolt", ""},
		"bad entry":  {answerTo(write(t, withTrailer(handmade(t, put(bucketKey, []byte(strings.Repeat("k", 30_000)), nil)))), "6", "-1"), `bucket "key"`, ""},
		"bad marker": {answerTo(write(t, withTrailer(handmade(t, put(bucketMeta, metaFinishedCompact, []byte("x"))))), "6", "-1"), "meta", ""},
	} {
		a := test.got
		if (a.Damage == "") != (test.damage == "") || !strings.Contains(a.Damage, test.damage) ||
			(a.Trouble == "") != (test.trouble == "") || !strings.Contains(a.Trouble, test.trouble) || len(a.Damage+a.Trouble) > maxMessageBytes {
			t.Errorf("%s: got %+v", name, a)
		}
	}
}

// TestGluttony checks that a heap within the limit is left alone, and one beyond it is noticed.
func TestGluttony(t *testing.T) {
	if got := maxHeapBytes(1 << 30); got != 256<<20+4<<30 {
		t.Errorf("maxHeapBytes of 1 GiB: got %d", got)
	}
	awaitGluttony(1) // any heap is larger
}
