// Package screen runs the real program in a real terminal of a chosen width, and compares what a person sees with a golden file.
//
// What differs from run to run (IDs, times, sizes, addresses) is masked here, by characters of the same number: the product writes what is so.
package screen

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

var update = flag.Bool("update", false, "write the golden screens")

// Widths at which every screen is held.
var Widths = []uint16{40, 80, 132}

// Run runs a program in a terminal of so many columns, and returns what it wrote, with its colours, and its exit code. more are variables of the environment.
func Run(t testing.TB, columns uint16, more []string, name string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(append(os.Environ(), "TERM=xterm-256color", "NO_COLOR="), more...)
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: columns})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_, err = io.Copy(&out, terminal)
	if err != nil && !errors.Is(err, syscall.EIO) { // EIO: nobody has the other side open any more
		t.Fatal(err)
	}
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n"), cmd.ProcessState.ExitCode()
}

var colour = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// Plain returns a screen without its colours. It fails the test if anything else moves the cursor.
func Plain(t testing.TB, text string) string {
	t.Helper()
	text = colour.ReplaceAllString(text, "")
	if strings.ContainsAny(text, "\x1b\r\b") {
		t.Errorf("something moves the cursor: %q", text)
	}
	return text
}

// Mask is what differs from run to run, and what stands in its place.
type Mask struct {
	What  *regexp.Regexp
	By    string // repeated, or cut, to the length of what it replaces; "": each of its digits becomes a 1
	Whole bool   // By stands there as it is, for what has not always the same length
}

// trailing is what a mask may leave at the end of a line.
var trailing = regexp.MustCompile(` +\n`)

var digit = regexp.MustCompile(`[0-9]`)

func (m Mask) apply(text string) string {
	return m.What.ReplaceAllStringFunc(text, func(s string) string {
		if m.Whole {
			return m.By
		}
		if m.By == "" {
			return digit.ReplaceAllString(s, "1")
		}
		return strings.Repeat(m.By, len(s)/len(m.By)+1)[:len(s)]
	})
}

// Masks hold for every screen.
var Masks = []Mask{
	{What: regexp.MustCompile(`\d{8}T\d{6}Z`), By: "20261122T100000Z"},
	{What: regexp.MustCompile(`\d{4}-\d\d-\d\d`), By: "2026-11-22"},
	{What: regexp.MustCompile(`(\d\d:){1,2}\d\dZ`), By: ""},
	{What: regexp.MustCompile(`\b[0-9a-f]{64}\b`), By: "c0ffee"},
	{What: regexp.MustCompile(`\b[0-9a-f]{13,16}\b`), By: "c9be114fc2da2776", Whole: true},
	{What: regexp.MustCompile(`\b[0-9a-f]{7,8}\b`), By: "1460fda0", Whole: true},
	{What: regexp.MustCompile(`127\.0\.0\.1:\d+`), By: "127.0.0.1:2379x"},
	{What: regexp.MustCompile(`in \d\.\d s`), By: ""},
	{What: regexp.MustCompile(`about \ds`), By: ""},
	{What: regexp.MustCompile(`\b\d{1,3}\.\d [KMG]iB`), By: ""},
	{What: regexp.MustCompile(`\b\d{1,3}% *`), By: "97%          "},
	{What: regexp.MustCompile(`\b\d+ bytes`), By: "65536 bytes", Whole: true},
}

// Golden compares a screen at a width with testdata/NAME.WIDTH.txt of the calling package, after the masks of every screen and more. -update writes it. No line
// may be wider than the window, but for a single word or a command that people copy whole.
func Golden(t testing.TB, name string, columns uint16, text string, more ...Mask) {
	t.Helper()
	text = Plain(t, text)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if len([]rune(line)) > int(columns) && len(strings.Fields(line)) > 2 && !strings.Contains(strings.TrimLeft(line, " "), "  ") {
			t.Errorf("at %d columns a line is wider: %q", columns, line)
		}
	}
	for _, m := range append(more, Masks...) {
		text = m.apply(text)
	}
	text = trailing.ReplaceAllString(text, "\n")
	path := filepath.Join("testdata", fmt.Sprintf("%s.%d.txt", name, columns))
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs; go test -update writes it:\n%s\nwant\n%s", path, text, want)
	}
}
