package snapshot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// childArgument as the first argument makes a process of this binary a child that inspects
// one file. It is no verb: users never type it.
const childArgument = "internal-inspect"

// answer is the one line of JSON that the child prints.
type answer struct {
	Facts   Facts  `json:"facts"`
	Damage  string `json:"damage,omitempty"`  // what is wrong with the file
	Trouble string `json:"trouble,omitempty"` // why the question stays open
}

// ChildMain does the work of the child and exits, when this process was started as one;
// else it returns at once. main calls it first, and so does the TestMain of
// every package whose tests inspect a file.
func ChildMain() {
	if len(os.Args) != 4 || os.Args[1] != childArgument {
		return
	}
	// The parent holds the other end of stdin: no child outlives it.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	beExpendable()
	var a answer
	minor, err := strconv.Atoi(os.Args[3])
	if err == nil {
		a.Facts, err = inspect(os.Args[2], minor)
	}
	switch {
	case errors.Is(err, errCannotOpen) || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission):
		a.Trouble = err.Error()
	case err != nil:
		a.Damage = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// beExpendable keeps a crash from leaving a core with the cluster's Secrets on disk, and gives the
// kernel a better choice than etcd when memory runs out. Where the host
// forbids either, the inspection goes on without.
func beExpendable() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("900"), 0)
}

// inspectInChild runs inspect on path in a process of its own. An error that wraps ErrDamaged
// means that the file is not sound, or that the parser died of it.
func inspectInChild(ctx context.Context, path string, minor int) (Facts, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", childArgument, path, strconv.Itoa(minor))
	cmd.Env = []string{"GOTRACEBACK=none"}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &limited{Buffer: &stderr, left: 8 << 10}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return Facts{}, fmt.Errorf("inspect %s: %w", path, err)
	}
	if err := cmd.Start(); err != nil {
		return Facts{}, fmt.Errorf("inspect %s: start the child: %w", path, err)
	}
	err = cmd.Wait()
	_ = stdin.Close()
	if ctx.Err() != nil {
		return Facts{}, fmt.Errorf("inspect %s: %w", path, context.Cause(ctx))
	}
	if err != nil {
		return Facts{}, crashed(path, err, stderr.String())
	}
	var a answer
	if err := json.Unmarshal(stdout.Bytes(), &a); err != nil {
		return Facts{}, fmt.Errorf("inspect %s: the child's answer: %w", path, err)
	}
	switch {
	case a.Trouble != "":
		return Facts{}, fmt.Errorf("inspect %s: %s", path, a.Trouble)
	case a.Damage != "":
		return Facts{}, fmt.Errorf("%w: %s", ErrDamaged, a.Damage)
	}
	return a.Facts, nil
}

// crashed reads the end of a child: a panic or a fault is the file's doing, being killed from outside is not.
func crashed(path string, err error, stderr string) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("inspect %s: %w", path, err)
	}
	if line := firstLine(stderr); exit.ExitCode() == 2 && line != "" {
		if strings.Contains(stderr, "out of memory") || strings.Contains(stderr, "cannot allocate memory") {
			return fmt.Errorf("inspect %s: the child had too little memory: %s", path, line)
		}
		return fmt.Errorf("%w: the parser crashed on it: %s", ErrDamaged, line)
	}
	return fmt.Errorf("inspect %s: the child ended with %w %s", path, err, firstLine(stderr))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// limited keeps the first bytes of what a child says and drops the rest.
type limited struct {
	*bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.Buffer.Write(p[:n])
	return len(p), nil
}
