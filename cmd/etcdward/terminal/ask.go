package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Asker asks questions on a terminal.
type Asker struct {
	in    io.Reader
	out   io.Writer
	lines chan string
}

// NewAsker returns an Asker that writes questions to out and reads answers from in. It reads nothing before the first question.
func NewAsker(in io.Reader, out io.Writer) *Asker { return &Asker{in: in, out: out} }

// ErrNoAnswer means that the input ended with a question open.
var ErrNoAnswer = errors.New("no answer")

// Ask returns the answer to a question; an empty one stands for the proposal.
func (a *Asker) Ask(ctx context.Context, question, proposal string) (string, error) {
	if a.lines == nil {
		a.lines = make(chan string)
		go a.read()
	}
	if proposal != "" {
		question += " [" + proposal + "]"
	}
	fmt.Fprintf(a.out, "%s: ", question)
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case line, ok := <-a.lines:
		if !ok {
			return "", ErrNoAnswer
		}
		if line = strings.TrimSpace(line); line == "" {
			line = proposal
		}
		return line, nil
	}
}

// read reads lines in the background, so that an interrupt can end a question.
func (a *Asker) read() {
	defer close(a.lines)
	lines := bufio.NewScanner(a.in)
	for lines.Scan() {
		a.lines <- lines.Text()
	}
}
