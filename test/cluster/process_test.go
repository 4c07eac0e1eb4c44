package cluster

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// as makes this test binary run one of the tests below instead of all.
const as = "CLUSTER_TEST_AS"

func again(t *testing.T, test string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), as+"="+test, "TMPDIR="+t.TempDir())
	return cmd
}

// runAs reports whether this process was started to be that test, by another one; else there is nothing to test.
func runAs(test string) bool { return os.Getenv(as) == test }

func TestVictim(t *testing.T) {
	if !runAs("TestVictim") {
		return
	}
	c := Start(t, Options{Members: 1})
	_, _ = os.Stdout.WriteString("\npid=" + strconv.Itoa(c.Members[0].Pid()) + "\n")
	select {} // until killed
}

func TestMembersDieWithTheTestBinary(t *testing.T) {
	t.Parallel()
	Tool(t, "etcd-3.6/etcd")
	victim := again(t, "TestVictim")
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		if digits, ok := strings.CutPrefix(lines.Text(), "pid="); ok {
			if pid, err = strconv.Atoi(digits); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait() // it was killed
	if pid == 0 {
		t.Fatal("the victim started no member")
	}
	await(t, "see the member die", func() error {
		if dead(pid) {
			return nil
		}
		return os.ErrExist
	})
}

// dead also holds for a process that nobody has waited for yet.
func dead(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// A goroutine that exits while locked takes its thread along, and with it, were
// the fork made there, the child.
func TestMembersOutliveTheStartingThread(t *testing.T) {
	t.Parallel()
	var p *process
	tid := make(chan int)
	var start func()
	start = func() {
		runtime.LockOSThread()
		if syscall.Gettid() == os.Getpid() {
			// The main thread never ends: keep it busy until another has started.
			defer runtime.UnlockOSThread()
			done := make(chan struct{})
			go func() { defer close(done); start() }()
			<-done
			return
		}
		var err error
		if p, err = startProcess("/bin/sleep", []string{"600"}, nil); err != nil {
			t.Error(err)
		}
		tid <- syscall.Gettid()
	}
	go start()
	thread := "/proc/self/task/" + strconv.Itoa(<-tid)
	await(t, "see the thread end", func() error {
		if _, err := os.Stat(thread); err == nil {
			return os.ErrExist
		}
		return nil
	})
	// Had the kernel sent its signal to the child, it would come before this one.
	if err := p.signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, "see the child obey", func() error {
		if !p.running() {
			return fmt.Errorf("it ended with the thread: %w", errHopeless)
		}
		if frozen, err := p.frozen(); err != nil || !frozen {
			return errors.Join(fmt.Errorf("frozen is %v", frozen), err)
		}
		return nil
	})
	p.kill()
	if !dead(p.pid) {
		t.Error("the child lives after kill")
	}
}

func TestFailing(t *testing.T) {
	if !runAs("TestFailing") {
		return
	}
	Start(t, Options{Members: 1})
	t.Error("on purpose")
}

func TestFailureShowsLogs(t *testing.T) {
	t.Parallel()
	Tool(t, "etcd-3.6/etcd")
	out, err := again(t, "TestFailing").CombinedOutput()
	if err == nil {
		t.Fatal("the failing test passed")
	}
	path := regexp.MustCompile(`the end of (\S+\.log), which is kept`).FindSubmatch(out)
	if path == nil {
		t.Fatalf("no log is named:\n%s", out)
	}
	if log, err := os.ReadFile(string(path[1])); err != nil || !strings.Contains(string(out), lastLine(log)) {
		t.Errorf("the log's last line is not shown, or %v", err)
	}
}

func lastLine(log []byte) string { return string(lastLines(log, 1)) }

func TestLastLines(t *testing.T) {
	for _, c := range []struct{ log, want string }{
		{"", ""},
		{"a\n", "a"},
		{"a\nb\n", "a\nb"},
		{"a\nb\nc\n", "b\nc"},
		{"a\nb\nc", "b\nc"},
	} {
		if got := string(lastLines([]byte(c.log), 2)); got != c.want {
			t.Errorf("last two lines of %q are %q, want %q", c.log, got, c.want)
		}
	}
}

// verdict records how a helper ends a test, instead of ending this one.
type verdict struct {
	testing.TB
	skipped, failed bool
}

func (v *verdict) Helper()               {}
func (v *verdict) Skipf(string, ...any)  { v.skipped = true; runtime.Goexit() }
func (v *verdict) Fatalf(string, ...any) { v.failed = true; runtime.Goexit() }

func TestUnknownVersion(t *testing.T) {
	var got verdict
	done := make(chan struct{})
	go func() {
		defer close(done)
		Start(&got, Options{Version: "3.3"})
	}()
	<-done
	if want := (verdict{failed: true}); got != want {
		t.Errorf("%+v, want %+v: a typing error must not skip a test", got, want)
	}
}

func TestMissingTool(t *testing.T) {
	for ci, want := range map[string]verdict{"": {skipped: true}, "true": {failed: true}} {
		t.Setenv("CI", ci)
		var got verdict
		done := make(chan struct{})
		go func() {
			defer close(done)
			Tool(&got, "no-such-tool")
		}()
		<-done
		if got != want {
			t.Errorf("with CI=%q: %+v, want %+v", ci, got, want)
		}
	}
}

func TestTool(t *testing.T) {
	if path := Tool(t, "etcd-3.6/etcd"); !filepath.IsAbs(path) {
		t.Errorf("path %s is not absolute", path)
	}
}
