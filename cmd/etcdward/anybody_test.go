package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/etcdward/etcdward/test/cluster"
)

// TestStatusOfAnybody checks that a user without rights learns that the rights are missing, and not that the
// cluster is lost.
func TestStatusOfAnybody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: the status of another user: run as root")
	}
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	s, binary := newSite(t, c), program(t)
	openToAll(t, s.dir)
	openToAll(t, filepath.Dir(binary))
	cmd := exec.Command(binary, "--config", s.config, "--state-dir", s.state, "status")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(out), "Try: run it as root") {
		t.Errorf("%v\n%s", err, out)
	}
}

// openToAll lets every user into a folder of this test. Folders that are not the test's own, such as /tmp, stay as they are.
func openToAll(t *testing.T, dir string) {
	t.Helper()
	for ; dir != filepath.Clean(os.TempDir()); dir = filepath.Dir(dir) {
		if dir == "/" {
			t.Fatalf("a folder of this test is not below %s", os.TempDir())
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		found, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if found.Mode().Perm()&0o001 == 0 {
			t.Skipf("NOT TESTED: the status of another user: nobody but its owner gets into %s", dir)
		}
	}
}
