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
	"sync"
	"syscall"
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
	readerMain()
	if len(os.Args) != 4 || os.Args[1] != childArgument {
		return
	}
	// The parent holds the other end of stdin: no child outlives it.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		syscall.Exit(1)
	}()
	beExpendable()
	say := answerOnce()
	path := os.Args[2]
	if info, err := os.Stat(path); err == nil {
		go func() {
			awaitGluttony(maxHeapBytes(info.Size()))
			say(answer{Damage: "the parser asked for more memory than a sound file of this size takes"})
		}()
	}
	say(answerTo(path, os.Args[3]))
}

// answerTo is what the child has to say of the file at path.
func answerTo(path, minor string) answer {
	number, err := strconv.Atoi(minor)
	if err != nil {
		return answer{Trouble: firstBytes(err.Error())}
	}
	facts, err := inspect(path, number)
	// bbolt quotes keys, which in a damaged file may be of any length.
	switch {
	case errors.Is(err, errCannotOpen):
		return answer{Trouble: firstBytes(err.Error())}
	case err != nil:
		return answer{Damage: firstBytes(err.Error())}
	}
	return answer{Facts: facts}
}

// answerOnce gives a function that prints the first answer it gets and ends the process.
func answerOnce() func(answer) {
	var once sync.Once
	return func(a answer) {
		once.Do(func() {
			code := 0
			if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
				code = 1
			}
			// Not os.Exit: there is nothing to tidy, and the race detector holds each exit up for a second.
			syscall.Exit(code)
		})
	}
}

// maxMessageBytes bounds what is told of the damage.
const maxMessageBytes = 1000

func firstBytes(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxMessageBytes)], "")
}

// inspectInChild runs inspect on path in a process of its own. An error that wraps ErrDamaged
// means that the file is not sound, or that the parser died of it.
func inspectInChild(ctx context.Context, path string, minor int) (Facts, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", childArgument, path, strconv.Itoa(minor))
	cmd.Env = []string{"GOTRACEBACK=none"}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{Buffer: &stdout, left: 64 << 10}, &limited{Buffer: &stderr, left: 8 << 10}
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
		// Go ends with 2 on these too, when somebody sends them.
		if strings.HasPrefix(line, "SIGQUIT") || strings.HasPrefix(line, "SIGABRT") {
			return fmt.Errorf("inspect %s: the child was ended by %s", path, line)
		}
		return fmt.Errorf("%w: the parser crashed on it: %s", ErrDamaged, line)
	}
	return fmt.Errorf("inspect %s: the child ended with %w %s", path, err, firstLine(stderr))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return firstBytes(line)
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
