// Package container boots a real Debian, with systemd as its first process, for tests of packages and units.
//
// It does not know what is installed in a container. Its invariant is that no container outlives its test, and that each begins as a fresh copy of an
// image that is made once. A test that is killed leaves the copy behind, but nothing that runs. It needs root, debootstrap and systemd-nspawn, and
// shares the network of the host, so that containers reach the servers of a test on 127.0.0.1.
package container

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/await"
)

// Container is a booted system.
type Container struct {
	// Root is its file system, seen from outside.
	Root string

	t      *testing.T
	leader int
}

// imageFolder holds the images between runs: making one takes a minute and the network.
const imageFolder = "/var/tmp/etcdward-images"

const (
	bootTime    = 90 * time.Second
	imageTime   = 15 * time.Minute
	commandTime = 5 * time.Minute
	// lookEvery is how far apart two looks at a condition are: each starts two programs.
	lookEvery = 200 * time.Millisecond
)

// Boot boots a copy of a Debian release, such as bookworm, and takes it down at the end of the test. If
// containers cannot be booted, the test is skipped; with CI=true it fails.
func Boot(t *testing.T, release string) *Container {
	t.Helper()
	if missing := lacking(); missing != "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("container: %s", missing)
		}
		t.Skipf("NOT TESTED: container: %s", missing)
	}
	name := fmt.Sprintf("run-%d-%d-%s", os.Getpid(), booted.Add(1), release)
	c := &Container{t: t, Root: filepath.Join(imageFolder, name)}
	t.Cleanup(func() {
		if err := os.RemoveAll(c.Root); err != nil {
			t.Errorf("container: remove: %v", err)
		}
	})
	if out, err := exec.Command("cp", "-a", "--reflink=auto", image(t, release), c.Root).CombinedOutput(); err != nil {
		t.Fatalf("container: copy image: %v: %s", err, out)
	}
	c.start(c.ownCgroups("etcdward-" + name))
	return c
}

// booted counts the containers of this process, for their names.
var booted atomic.Int32

func lacking() string {
	if os.Getuid() != 0 {
		return "booting needs root"
	}
	for _, program := range []string{"debootstrap", "systemd-nspawn", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed: apt-get install debootstrap systemd-container"
		}
	}
	return ""
}

// making is held by who makes an image, so that tests that run beside each other make one.
var making sync.Mutex

// image makes the image of a release if there is none yet. A half-made one has another name.
func image(t *testing.T, release string) string {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	done := filepath.Join(imageFolder, release)
	if _, err := os.Stat(done); err == nil {
		return done
	}
	half := fmt.Sprintf("%s.making-%d", done, os.Getpid())
	ctx, cancel := context.WithTimeout(t.Context(), imageTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "--include=systemd,dbus,systemd-sysv,ca-certificates",
		release, half).CombinedOutput()
	if err == nil {
		err = os.Rename(half, done)
	}
	if err != nil {
		_ = os.RemoveAll(half) // remove what an interrupted run left
		t.Fatalf("container: make image %s: %v: %s", release, err, out)
	}
	return done
}

// start boots in cgroups of its own, and waits until every unit has settled.
func (c *Container) start(cgroups []string) {
	c.t.Helper()
	var console bytes.Buffer
	// The shell moves itself into the cgroups and then becomes systemd-nspawn.
	cmd := exec.Command("sh", append([]string{"-ec", `root=$1; shift; for cgroup; do echo $$ >"$cgroup/cgroup.procs"; done
		exec systemd-nspawn -q -D "$root" --boot --register=no --keep-unit --console=pipe`, "sh", c.Root}, cgroups...)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	cmd.Stdout, cmd.Stderr = &console, &console
	// If the test is killed, its container ends too: the signal is sent when the thread that started the
	// container ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // killed, as a rule
		}
	}()
	if err := <-started; err != nil {
		c.t.Fatalf("container: boot: %v", err)
	}
	c.t.Cleanup(func() {
		// When the first process of a PID namespace ends, all others end too, and then systemd-nspawn.
		if pid := firstChild(cmd.Process.Pid); pid == 0 || syscall.Kill(pid, syscall.SIGKILL) != nil {
			_ = cmd.Process.Kill() // it may have ended
		}
		<-ended
		if c.t.Failed() {
			c.t.Logf("console:\n%s", console.Bytes())
		}
	})
	c.Await(bootTime, "boot", func() bool {
		// systemd-nspawn has another child before, which makes the container's own first process and ends.
		if c.leader = firstChild(cmd.Process.Pid); c.leader == 0 {
			return false
		}
		state, _ := c.Try("systemctl", "is-system-running")
		return strings.HasPrefix(state, "running") || strings.HasPrefix(state, "degraded")
	})
}

// firstChild returns the container's own first process; 0 while there is none.
func firstChild(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	child, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	n, err := strconv.Atoi(child)
	if err != nil {
		return 0
	}
	return n
}

// Try runs a command inside and returns what it said on both streams.
func (c *Container) Try(command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"-t", strconv.Itoa(c.leader), "-a", "--", "env", "-i",
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_PAGER="}, command...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Run is Try for commands that have to succeed.
func (c *Container) Run(command ...string) string {
	c.t.Helper()
	out, err := c.Try(command...)
	if err != nil {
		c.t.Fatalf("container: %s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return out
}

// Write writes a file inside, with the folders above it.
func (c *Container) Write(path, text string, mode os.FileMode) {
	c.t.Helper()
	outside := filepath.Join(c.Root, path)
	if err := os.MkdirAll(filepath.Dir(outside), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(outside, []byte(text), mode); err != nil {
		c.t.Fatal(err)
	}
}

// Exists reports whether there is something at a path inside.
func (c *Container) Exists(path string) bool {
	_, err := os.Lstat(filepath.Join(c.Root, path))
	return err == nil
}

// Await waits until a condition holds.
func (c *Container) Await(limit time.Duration, what string, holds func() bool) {
	c.t.Helper()
	await.Every(c.t, lookEvery, limit, "container: "+what, holds)
}
