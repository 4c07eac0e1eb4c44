package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/await"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// The children of these tests.
var (
	echo  = Task{Name: "test-echo", Args: 2, Do: func(args []string) error { fmt.Print(strings.Join(args, "+")); return nil }}
	fail  = Task{Name: "test-fail", Args: 1, Do: func(args []string) error { fmt.Print("half"); return errors.New(args[0]) }}
	crash = Task{Name: "test-crash", Args: 1, Do: func(args []string) error { panic(args[0]) }}
	flood = Task{Name: "test-flood", Do: func([]string) error {
		for range 1000 {
			fmt.Print(strings.Repeat("o", 1000))
			fmt.Fprint(os.Stderr, strings.Repeat("e", 1000))
		}
		return nil
	}}
	hang = Task{Name: "test-hang", Do: func([]string) error { fmt.Println("hanging"); select {} }}
	talk = Task{Name: "test-talk", Converses: true, Do: func([]string) error {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			fmt.Println(strings.ToUpper(lines.Text()))
		}
		return lines.Err()
	}}
	// linger takes its time to end: until the file is gone.
	linger = Task{Name: "test-linger", Args: 1, Converses: true, Do: func(args []string) error {
		fmt.Println("lingering")
		for range time.Tick(time.Millisecond) {
			if _, err := os.Stat(args[0]); err != nil {
				break
			}
		}
		return nil
	}}
	// parent starts a child that holds the lock on a file, and passes on what it says.
	parent = Task{Name: "test-parent", Args: 2, Do: func(args []string) error {
		file, err := os.OpenFile(args[0], os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
			return err
		}
		task, given := hang, []string(nil)
		if args[1] != "" {
			task, given = linger, args[1:]
		}
		p, err := task.Start(context.Background(), given, file)
		if err != nil {
			return err
		}
		_, err = io.Copy(os.Stdout, p.Stdout)
		return err
	}}
)

func TestMain(m *testing.M) {
	for _, t := range []Task{echo, fail, crash, flood, hang, talk, linger, parent} {
		t.Main()
	}
	goleak.VerifyTestMain(m)
}

func TestRun(t *testing.T) {
	said, err := echo.Run(t.Context(), []string{"a b", "--c"})
	if string(said) != "a b+--c" || err != nil {
		t.Errorf("got %q, %v", said, err)
	}
	if _, err := echo.Run(t.Context(), []string{"a"}); err == nil || !strings.Contains(err.Error(), "takes 2 arguments") {
		t.Errorf("one argument of two: got %v", err)
	}
}

// TestDeath checks the reported cause of a child's death, and whether the child itself is to blame.
func TestDeath(t *testing.T) {
	for name, test := range map[string]struct {
		task             Task
		args             []string
		crashed, starved bool
		says             string
	}{
		"error":         {fail, []string{"no such thing\nmore"}, false, false, "the child ended with exit status 1 no such thing"},
		"panic":         {crash, []string{"index out of range"}, true, false, "the child ended with exit status 2 panic: index out of range"},
		"out of memory": {crash, []string{"runtime: out of memory"}, false, true, "panic: runtime: out of memory"},
	} {
		said, err := test.task.Run(t.Context(), test.args)
		var death *Death
		if !errors.As(err, &death) || said != nil || death.Crashed() != test.crashed || death.Starved() != test.starved || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %q, %v", name, said, err)
		}
		if strings.Contains(err.Error(), "\n") || death != nil && strings.Contains(death.Said, "goroutine ") {
			t.Errorf("%s: more than a line, or a trace: %v", name, death.Said)
		}
	}
}

// TestDeathCases: ends of processes that are hard to come by.
func TestDeathCases(t *testing.T) {
	for name, test := range map[string]struct {
		script  string
		crashed bool
	}{
		"fault":         {"echo unexpected fault address 0x7f; exit 2", true},
		"silent":        {"exit 2", false},
		"no memory":     {"echo panic: mmap: cannot allocate memory; exit 2", false},
		"another code":  {"echo panic: that is not; exit 1", false},
		"quit by us":    {"echo SIGQUIT: quit; exit 2", false},
		"aborted by us": {"echo SIGABRT: abort; exit 2", false},
	} {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", test.script)
		said, _ := cmd.CombinedOutput() // it is to fail
		if d := (&Death{End: cmd.ProcessState, Said: string(said)}); d.Crashed() != test.crashed {
			t.Errorf("%s: crashed %v: %v", name, d.Crashed(), d)
		}
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "exit 2")
	_ = cmd.Run() // it is to fail
	if d := (&Death{End: cmd.ProcessState, Said: strings.Repeat("é", 5000)}); len(d.Error()) > 2*maxLineBytes || strings.ContainsRune(d.Error(), 0xfffd) {
		t.Errorf("%d bytes: %.100s", len(d.Error()), d)
	}
}

// TestFlood checks that a child may write any amount of output, of which the first part is kept.
func TestFlood(t *testing.T) {
	said, err := flood.Run(t.Context(), nil)
	if len(said) != maxAnswerBytes || err != nil {
		t.Errorf("%d bytes, %v", len(said), err)
	}
}

func TestSignals(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGABRT} {
		p := start(t.Context(), t, hang)
		if err := syscall.Kill(childOf(t, os.Getpid()), signal); err != nil {
			t.Fatal(err)
		}
		var death *Death
		if err := p.Wait(); !errors.As(err, &death) || death.Crashed() || death.Starved() {
			t.Errorf("%v: got %v", signal, err)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	p, cause := start(ctx, t, hang), errors.New("enough")
	cancel(cause)
	for range 2 {
		if err := p.Wait(); !errors.Is(err, cause) {
			t.Errorf("got %v, want the cause", err)
		}
	}
	if _, err := hang.Start(ctx, nil); !errors.Is(err, cause) {
		t.Errorf("start: got %v, want the cause", err)
	}
}

func TestConverses(t *testing.T) {
	p, err := talk.Start(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(p.Stdout)
	for range 3 {
		_, err := io.WriteString(p.Stdin, "hello\n")
		line, readErr := answers.ReadString('\n')
		if err != nil || readErr != nil || line != "HELLO\n" {
			t.Fatalf("%q %v %v", line, err, readErr)
		}
	}
	if err := errors.Join(p.Stdin.Close(), p.Wait()); err != nil {
		t.Error(err)
	}
	// One that does not converse ends with its stdin as well.
	p = start(t.Context(), t, hang)
	if err := p.Stdin.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Wait(); err == nil {
		t.Error("ended well, though it was cut")
	}
	p = start(t.Context(), t, hang)
	p.Kill()
	if err := p.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("killed: %v", err)
	}
}

// TestParentKilled: the child ends by itself when its parent is gone, and what it held stays locked until then.
func TestParentKilled(t *testing.T) {
	for _, stay := range []string{"", filepath.Join(t.TempDir(), "stay")} {
		if stay != "" {
			if err := os.WriteFile(stay, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(t.TempDir(), "lock")
		p, err := parent.Start(t.Context(), []string{path, stay})
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(p.Stdout).ReadString('\n'); !strings.HasSuffix(line, "ing\n") || err != nil {
			t.Fatalf("%q %v", line, err)
		}
		if !locked(t, path) {
			t.Error("not locked while both live")
		}
		p.Kill()
		_ = p.Wait() // killed, as it should be
		if stay != "" {
			if !locked(t, path) {
				t.Error("not locked while the child lives")
			}
			if err := os.Remove(stay); err != nil {
				t.Fatal(err)
			}
		}
		await.Until(t, time.Minute, "end of the child", func() bool { return !locked(t, path) })
	}
}

// start begins a task that hangs, and waits until it does.
func start(ctx context.Context, t *testing.T, task Task) *Process {
	t.Helper()
	p, err := task.Start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(p.Stdout).ReadString('\n'); line != "hanging\n" || err != nil {
		t.Fatalf("%q %v", line, err)
	}
	return p
}

// childOf is the one child of a process.
func childOf(t *testing.T, pid int) (child int) {
	t.Helper()
	await.Until(t, time.Minute, "start of the child", func() bool {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range tasks {
			text, _ := os.ReadFile(path) // the task may have ended
			if _, err := fmt.Sscan(string(text), &child); err == nil {
				return true
			}
		}
		return false
	})
	return child
}

// locked reports whether somebody holds the lock on a file.
func locked(t *testing.T, path string) bool {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
		t.Fatal(err)
	}
	return err != nil
}
