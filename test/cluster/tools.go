package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const commandTime = 2 * time.Minute

// Tool returns the path of a program that `make tools` builds, such as "versitygw" or "etcd-3.6/etcdctl". If
// it is missing, the test is skipped; with CI=true it fails.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(moduleRoot(t), ".tools", name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("cluster: .tools/%s is missing: run `make tools` before the tests", name)
	}
	t.Skipf("NOT TESTED: .tools/%s is missing: run `make tools`", name)
	return ""
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	// The working directory of a test is that of its package. Start there, because -trimpath hides the path
	// of this source file.
	dir, err := os.Getwd()
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		dir, err = filepath.Dir(file), nil
	}
	if err != nil {
		t.Fatalf("cluster: find the module: %v", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			t.Fatalf("cluster: find the module: no go.mod above %s", dir)
		}
	}
}

// Etcdctl runs the cluster's version of etcdctl against all voters and returns
// its standard output. Commands that want one endpoint, such as snapshot save,
// are for Member.Etcdctl: etcdctl adds up what --endpoints flags it is given.
func (c *Cluster) Etcdctl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := c.EtcdctlErr(t, args...)
	if err != nil {
		t.Fatalf("cluster: %v", err)
	}
	return out
}

// EtcdctlErr is Etcdctl for commands that may fail; the error holds what was
// written to standard error.
func (c *Cluster) EtcdctlErr(t testing.TB, args ...string) (string, error) {
	t.Helper()
	return c.etcdctl(t, c.Endpoints(), args)
}

// Etcdctl is Cluster.Etcdctl against this member alone.
func (m *Member) Etcdctl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := m.EtcdctlErr(t, args...)
	if err != nil {
		t.Fatalf("cluster: %v", err)
	}
	return out
}

// EtcdctlErr is Cluster.EtcdctlErr against this member alone.
func (m *Member) EtcdctlErr(t testing.TB, args ...string) (string, error) {
	t.Helper()
	return m.c.etcdctl(t, []string{m.ClientURL}, args)
}

func (c *Cluster) etcdctl(t testing.TB, endpoints, args []string) (string, error) {
	t.Helper()
	access := []string{"--endpoints=" + strings.Join(endpoints, ",")}
	if c.pki != nil {
		access = append(access, "--cacert="+c.CAFile, "--cert="+c.pki.certFile, "--key="+c.pki.keyFile)
	}
	return run(Tool(t, c.program("etcdctl")), append(access, args...))
}

// Etcdutl runs the cluster's version of etcdutl and returns its standard output.
func (c *Cluster) Etcdutl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := c.EtcdutlErr(t, args...)
	if err != nil {
		t.Fatalf("cluster: %v", err)
	}
	return out
}

// EtcdutlErr is Etcdutl for commands that may fail; the error holds what was
// written to standard error.
func (c *Cluster) EtcdutlErr(t testing.TB, args ...string) (string, error) {
	t.Helper()
	return run(Tool(t, c.program("etcdutl")), args)
}

func run(path string, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = environment()
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("run %s %s: %w: %s", filepath.Base(path), strings.Join(args, " "), err,
			bytes.TrimSpace(complaint.Bytes()))
	}
	return out.String(), nil
}
