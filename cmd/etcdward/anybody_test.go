package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/etcdward/etcdward/test/access"
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
	access.Open(t, s.dir)
	access.Open(t, filepath.Dir(binary))
	cmd := exec.Command(binary, "--config", s.config, "--state-dir", s.state, "status")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "UNPROTECTED") || cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(out), "Try: run it as root") {
		t.Errorf("%v\n%s", err, out)
	}
}
