// Package child starts this binary again, as a process that does one dangerous thing for the one that started it: etcd's
// libraries and bbolt panic or fault on damage, and no recover helps against that. It does not know what the thing is.
//
// Its one invariant: no child outlives its parent, however the parent ends.
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

// program is this very binary, also after a package upgrade has put another in its place.
const program = "/proc/self/exe"

// Task is what a process of this binary can be started for.
type Task struct {
	// Name is the first argument that makes it so. It is no verb: users never type it.
	Name string
	// Do is the work. What it prints on stdout is the answer; an error's text goes to stderr, and the process ends with 1.
	Do func(args []string) error
	// Args is how many Do is given.
	Args int
	// Converses: Do reads stdin, and returns when that ends, as it does with the parent. Else the process is ended then.
	Converses bool
}

// Main does the task and exits, when this process was started for it; else it returns at once. main calls it first, and so does
// the TestMain of every package whose tests start such a process.
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
	// Not os.Exit: there is nothing to tidy, and the race detector holds each of those up for a second.
	syscall.Exit(0)
}

// Process is a child at work.
type Process struct {
	// Stdin of the child, which ends when this is closed. Stdout is to be read before Wait.
	Stdin  io.WriteCloser
	Stdout io.Reader

	kill func() error
	wait func() error
}

// Start begins the task. When ctx ends the child is killed. The files held stay open in it, and locked if they are, until it has
// ended, also when this process is killed before.
func (t Task) Start(ctx context.Context, args []string, held ...*os.File) (*Process, error) {
	if len(args) != t.Args {
		return nil, fmt.Errorf("%s takes %d arguments, and was given %d", t.Name, t.Args, len(args))
	}
	cmd := exec.CommandContext(ctx, program, append([]string{t.Name}, args...)...)
	cmd.Env = []string{"GOTRACEBACK=none"} // a trace could show what is in the file
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
		_ = stdin.Close() // it has nobody left to tell
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
func (p *Process) Kill() { _ = p.kill() } // it has ended already, or does now

// Wait waits until the child has ended. A Death means that it did not finish its work; the cause of the context's end,
// that it was killed for that. It can be asked again, with the same answer.
func (p *Process) Wait() error { return p.wait() }

// Run does the task and gives its answer, of which it keeps the first 64 KiB. The errors are those of Start and Wait.
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

// What is kept of what a child says, on stdout and on stderr.
const (
	maxAnswerBytes = 64 << 10
	maxSaidBytes   = 8 << 10
)

// first keeps the first bytes that it is given and drops the rest.
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
