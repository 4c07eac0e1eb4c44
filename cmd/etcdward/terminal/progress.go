package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress shows the progress of a step: as a moving bar on a terminal, and otherwise as a line at intervals.
// It shows nothing for steps shorter than a second.
type progress struct {
	out      io.Writer
	terminal bool

	mu     sync.Mutex
	step   string
	begun  time.Time
	shown  time.Time
	onLine bool
}

// lineEvery is how often the progress of a long step is printed if there is no terminal.
const lineEvery = 10 * time.Second

// NewProgress shows the progress of the steps of some work on w. clear removes it from the terminal.
func NewProgress(w io.Writer) (show func(step string, done, total int64), clear func()) {
	p := &progress{out: Raw(w), terminal: Is(w)}
	return p.show, p.clear
}

// Is reports whether a stream is a terminal.
func Is(stream any) bool {
	if safe, ok := stream.(Safe); ok {
		stream = safe.to
	}
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func (p *progress) show(step string, done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if step != p.step {
		p.wipe()
		p.step, p.begun, p.shown = step, now, now
	}
	every := lineEvery
	if p.terminal {
		every = 200 * time.Millisecond
	}
	if now.Sub(p.begun) < time.Second || now.Sub(p.shown) < every {
		return
	}
	p.shown = now
	line := Escape(p.line(done, total, now.Sub(p.begun)))
	if p.terminal {
		line = cut(line, Width(p.out)-1) // asked each time: the window may have changed
		fmt.Fprintf(p.out, "\r%s\x1b[K", line)
		p.onLine = true
		return
	}
	fmt.Fprintln(p.out, line)
}

func (p *progress) line(done, total int64, since time.Duration) string {
	const width = 30
	rate := float64(done) / since.Seconds()
	if total <= 0 || done <= 0 {
		return fmt.Sprintf("%s: %s", p.step, Bytes(done))
	}
	full := min(width, int(float64(done)/float64(total)*width))
	left := time.Duration(float64(total-done)/rate) * time.Second
	return fmt.Sprintf("%s: [%s%s] %s of %s, %s/s, %s left", p.step, strings.Repeat("=", full), strings.Repeat(" ", width-full),
		Bytes(done), Bytes(total), Bytes(int64(rate)), left)
}

// cut shortens a line to so many columns, so that the terminal does not wrap it and the next one replaces it whole.
func cut(line string, columns int) string {
	if runes := []rune(line); columns > 0 && len(runes) > columns {
		return string(runes[:columns])
	}
	return line
}

// wipe removes the bar.
func (p *progress) wipe() {
	if p.onLine {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.onLine = false
	}
}

// clear removes the bar when the work is done.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}
