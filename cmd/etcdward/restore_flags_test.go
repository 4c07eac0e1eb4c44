package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/etcdward/etcdward/test/cluster"
)

// TestRestoreFlags: what cannot be meant is refused as usage, with the flag's own name, before anything is looked at.
func TestRestoreFlags(t *testing.T) {
	s := site{dir: t.TempDir()}
	s.config, s.state = filepath.Join(s.dir, "none.yaml"), s.dir
	for _, c := range []struct {
		says string
		args []string
	}{
		{"flag --etcd-version: \"latest\" is no version of etcd", []string{"apply", "plan.yaml", "--member", "a", "--etcd-version", "latest"}},
		{"flag --data-dir: it is empty", []string{"apply", "plan.yaml", "--member", "a", "--data-dir", ""}},
		{"flag --data-dir: it is empty", []string{"rollback", "plan.yaml", "--member", "a", "--data-dir", ""}},
		{`flag --data-dir: "etcd"`, []string{"plan", "--data-dir", "etcd/"}},
		{`flag --data-dir: "/"`, []string{"plan", "--data-dir", "/"}},
		{"flag --bump-revision: 0: from 1 to 2305843009213693951", []string{"plan", "--bump-revision", "0"}},
		{"flag --bump-revision: -5", []string{"plan", "--bump-revision", "-5"}},
		{"flag --bump-revision: 9223372036854775807", []string{"plan", "--bump-revision", "9223372036854775807"}},
		{"flag --member: member a: peer URL", []string{"plan", "--member", "a=https://h:99999"}},
		{"flag --member: member a is there twice", []string{"plan", "--member", "a=https://h:2380", "--member", "a=https://i:2380"}},
	} {
		if r := s.restore(t, "", c.args...); r.code != exitUsage || !strings.Contains(r.err, c.says) {
			t.Errorf("%q: exit %d, lacks %q\n%s", c.args, r.code, c.says, r.err)
		}
	}
	if r := s.restore(t, "", "apply", filepath.Join(s.dir, "none"), "--member", "a"); r.code != exitFailed || !strings.Contains(r.err, "Try: etcdward restore plan writes one") {
		t.Errorf("no plan: exit %d %s", r.code, r.err)
	}
}

// TestRestoreNobodyListens: a terminal that goes away in the middle of an apply is Ctrl-C, and a pipe that does is nothing.
func TestRestoreNobodyListens(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 200)
	s := newSite(t, c)
	file, plan, etcdward := filepath.Join(s.dir, "s.db"), filepath.Join(s.dir, "plan.yaml"), program(t)
	c.Members[0].Etcdctl(t, "snapshot", "save", file)
	s.must(t, "restore", "plan", "--file", file, "--manifests", s.dir, "--member", "m1=http://127.0.0.1:1", "--data-dir", "/var/lib/etcd/", "--output", plan)
	// begin runs apply until it restores. It hears SIGHUP as what a terminal started does, also where this test runs under nohup, and
	// would pass on that SIGHUP is ignored.
	nohup := false
	begin := func(dir string) (*exec.Cmd, io.ReadCloser) {
		cmd := exec.CommandContext(t.Context(), etcdward, "--config", s.config, "restore", "apply", plan, "--member", "m1", "--data-dir", dir, "--yes", "--etcd-version", "3.6.16")
		said, err := cmd.StderrPipe()
		if nohup {
			signal.Ignore(syscall.SIGHUP)
			defer signal.Reset(syscall.SIGHUP)
		} else {
			hung := make(chan os.Signal, 1)
			signal.Notify(hung, syscall.SIGHUP)
			defer signal.Stop(hung)
		}
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(said)
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "Restoring into") {
		}
		return cmd, said
	}
	interrupted := false
	for range 20 {
		dir := filepath.Join(t.TempDir(), "etcd")
		cmd, said := begin(dir)
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(said)
		if err != nil {
			t.Fatal(err)
		}
		if _ = cmd.Wait(); cmd.ProcessState.ExitCode() == exitOK {
			continue // it was through before the signal came
		}
		interrupted = true
		left, err := filepath.Glob(dir + "*")
		if cmd.ProcessState.ExitCode() != exitInterrupted || err != nil || len(left) != 1 || !strings.Contains(left[0], "journal") {
			t.Errorf("%v, left are %v %v\n%s", cmd.ProcessState, left, err, text)
		}
		break
	}
	if !interrupted {
		t.Error("none of 20 was interrupted")
	}
	dir := filepath.Join(t.TempDir(), "etcd")
	cmd, said := begin(dir)
	if err := said.Close(); err != nil {
		t.Fatal(err)
	}
	// Wait closes the pipe too.
	if err := cmd.Wait(); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Errorf("with nobody to hear it: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "member", "snap", "db")); err != nil {
		t.Error(err)
	}
	nohup = true
	cmd, said = begin(filepath.Join(t.TempDir(), "etcd"))
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(said); err != nil || cmd.Wait() != nil {
		t.Errorf("under nohup: %v %v\n%s", err, cmd.ProcessState, text)
	}
}
