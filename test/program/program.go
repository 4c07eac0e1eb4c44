// Package program builds the real binary for tests, and runs it: as processes that can be killed, with their own memory, and nothing of the test
// binary in them.
package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/host"
)

// Exit codes, as scripts know them.
const (
	Failed   = 1
	Findings = 3
	NotFound = 4
	Usage    = 64
	Config   = 78
)

var path string

// Main runs the tests of a package that use the program. TestMain calls it last, and it does not return.
func Main(m *testing.M) {
	code := 1
	if err := run(m, &code); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M, code *int) (err error) {
	dir, err := os.MkdirTemp("", "etcdward-program-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path = filepath.Join(dir, "etcdward")
	if err := build(path); err != nil {
		return err
	}
	*code = m.Run()
	return nil
}

// build makes the binary as `make build` does: static and without the race detector.
func build(path string) error {
	cmd := exec.Command("go", "build", "-tags", "disable_grpc_modules,grpcnotrace", "-ldflags", "-s -w", "-o", path, "github.com/etcdward/etcdward/cmd/etcdward")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// Path of the program.
func Path() string { return path }

// On is a host that the program runs on.
type On struct{ host.Host }

func (h On) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, path, append([]string{"--config", h.Config, "--state-dir", h.State}, args...)...)
}

// Result is what one run came to.
type Result struct {
	Code     int
	Out, Err string
}

// Run runs the program to its end.
func (h On) Run(t testing.TB, args ...string) Result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := h.command(t.Context(), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return Result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// Must is Run that must end with exit code 0; it returns what the program printed.
func (h On) Must(t testing.TB, args ...string) string {
	t.Helper()
	r := h.Run(t, args...)
	if r.Code != 0 {
		t.Fatalf("etcdward %v: exit %d\n%s%s", args, r.Code, r.Out, r.Err)
	}
	return r.Out
}

// MustJSON is Must whose output is read into v.
func (h On) MustJSON(t testing.TB, v any, args ...string) {
	t.Helper()
	out := h.Must(t, append([]string{"-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("etcdward %v: %v\n%s", args, err, out)
	}
}

// Snapshot takes one and returns its manifest.
func (h On) Snapshot(t testing.TB) snapshot.Manifest {
	t.Helper()
	var m snapshot.Manifest
	h.MustJSON(t, &m, "snapshot")
	return m
}

// Process is a running etcdward.
type Process struct {
	Cmd *exec.Cmd
	// Said collects its output on both streams.
	Said *Log
	// Wait returns how it ended; it may be called again.
	Wait func() error
}

// Start starts the program on the host; it is killed at the end of the test at the latest.
func (h On) Start(t testing.TB, args ...string) *Process {
	t.Helper()
	p := &Process{Said: new(Log), Cmd: h.command(context.Background(), args...)}
	p.Cmd.Stdout, p.Cmd.Stderr = p.Said, p.Said
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.Wait = sync.OnceValue(p.Cmd.Wait)
	t.Cleanup(func() {
		_ = p.Cmd.Process.Kill() // it may have ended
		_ = p.Wait()
	})
	return p
}

// Log collects what a process says, while it is read.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
