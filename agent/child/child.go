// Package child starts this binary again as a child process that does one dangerous thing for its parent. etcd's
// libraries and bbolt panic or fault on damaged files, and recover does not help against that. The package does not know
// what the thing is.
//
// Its one invariant: no child outlives its parent, no matter how the parent ends.
package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// program is the running binary itself, even after a package upgrade has replaced the file.
const program = "/proc/self/exe"

// Task is a piece of work that a child process of this binary can be started for.
type Task struct {
	// Name is the first argument that selects the task. It is not a verb: users never type it.
	Name string
	// Do is the work. What it prints on stdout is the answer. If it returns an error, its text goes to stderr and the
	// process exits with 1.
	Do func(args []string) error
	// Args is the number of arguments that Do takes.
	Args int
	// Converses means that Do reads stdin and returns when stdin ends, which happens at the latest when the parent ends.
	// Without it, the end of stdin ends the process.
	Converses bool
}

// Main does the task and exits if this process was started for it; otherwise it returns at once. main calls it first, and so
// does the TestMain of every package whose tests start such a process.
func (t Task) Main() {
	if len(os.Args) != 2+t.Args || os.Args[1] != t.Name {
		return
	}
	if !t.Converses {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			syscall.Exit(1)
		}()
	}
	if err := t.Do(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		syscall.Exit(1)
	}
	// This avoids os.Exit because nothing has to be cleaned up, and because under the race detector os.Exit
	// takes a second.
	syscall.Exit(0)
}

// Process is a running child.
type Process struct {
	// Stdin and Stdout are those of the child. Closing Stdin ends the child. Read Stdout to its end before
	// calling Wait.
	Stdin  io.WriteCloser
	Stdout io.Reader

	kill func() error
	wait func() error
}

// Start begins the task. The child is killed when ctx ends. The child keeps the given files open until it has ended, and keeps
// their locks, even if this process is killed earlier.
func (t Task) Start(ctx context.Context, args []string, held ...*os.File) (*Process, error) {
	if len(args) != t.Args {
		return nil, fmt.Errorf("%s takes %d arguments, and was given %d", t.Name, t.Args, len(args))
	}
	cmd := exec.CommandContext(ctx, program, append([]string{t.Name}, args...)...)
	cmd.Env = []string{"GOTRACEBACK=none"} // a trace could show the contents of the file
	cmd.ExtraFiles = held
	said := &first{left: maxSaidBytes}
	cmd.Stderr = said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("start the child: %w", err)
	}
	return &Process{Stdin: stdin, Stdout: stdout, kill: cmd.Process.Kill, wait: sync.OnceValue(func() error {
		err := cmd.Wait()
		_ = stdin.Close() // the child has ended, so the error concerns nobody
		var exit *exec.ExitError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &exit):
			return &Death{End: exit.ProcessState, Said: said.text.String()}
		}
		return err
	})}, nil
}

// Kill ends the child at once.
func (p *Process) Kill() { _ = p.kill() } // an error means that it has already ended

// Wait waits until the child has ended. A Death means that the child did not finish its work. If the context ended,
// and the child was killed for that, the error is the context's cause. Wait can be called again and gives the same
// answer.
func (p *Process) Wait() error { return p.wait() }

// Run does the task and returns the first 64 KiB of its answer. Its errors are those of Start and Wait.
func (t Task) Run(ctx context.Context, args []string, held ...*os.File) ([]byte, error) {
	p, err := t.Start(ctx, args, held...)
	if err != nil {
		return nil, err
	}
	answer := first{left: maxAnswerBytes}
	_, readErr := io.Copy(&answer, p.Stdout)
	if err := p.Wait(); err != nil {
		return nil, err
	}
	return answer.text.Bytes(), readErr
}

// How much of a child's output is kept, on stdout and on stderr.
const (
	maxAnswerBytes = 64 << 10
	maxSaidBytes   = 8 << 10
)

// first is a writer that keeps the first bytes and drops the rest.
type first struct {
	text bytes.Buffer
	left int
}

func (f *first) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	f.left -= n
	f.text.Write(p[:n])
	return len(p), nil
}
