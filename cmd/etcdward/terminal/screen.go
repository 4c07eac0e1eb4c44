package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// Screen writes for people: it knows how wide the window is, and whether it shows colours. What is not a terminal has no width and no colours.
type Screen struct {
	w      *sticky
	width  int // in columns; 0: it does not end
	colour bool
}

// NewScreen returns the screen behind a stream, as it is now.
func NewScreen(w io.Writer) Screen {
	s := Screen{w: &sticky{w: Raw(w)}, width: Width(w)}
	// no-color.org: NO_COLOR counts if it is not empty.
	s.colour = Is(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return s
}

// sticky keeps the first error of a stream.
type sticky struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (s *sticky) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}

// Err returns the first error of everything that was written.
func (s Screen) Err() error {
	if s.w.err != nil {
		return fmt.Errorf("print: %w", s.w.err)
	}
	return nil
}

// Width is how many columns the window has; 0 if the stream is no terminal.
func Width(stream any) int {
	if safe, ok := stream.(Safe); ok {
		stream = safe.to
	}
	file, ok := stream.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Colours by what a word means. A word that is not here has none.
const (
	good = "\x1b[32m"
	warn = "\x1b[33m"
	bad  = "\x1b[1;31m"
)

var colours = map[string]string{
	"PROTECTED": good, "AT_RISK": warn, "UNPROTECTED": bad,
	"ok": good, "FAILED": bad, "damaged": bad, "not known": warn, "NOSPACE": bad, "CORRUPT": bad,
}

// paint colours a word by its meaning.
func (s Screen) paint(word string) string {
	colour, ok := colours[strings.TrimSpace(word)]
	if !s.colour || !ok {
		return word
	}
	return colour + word + "\x1b[0m"
}

// Line writes a line that begins with a word which has a colour. It is wrapped at the window's edge.
func (s Screen) Line(word, rest string) {
	lines := Wrap(Escape(strings.TrimSpace(word+"  "+rest)), s.width, "  ")
	lines[0] = s.paint(word) + strings.TrimPrefix(lines[0], word)
	fmt.Fprintln(s.w, strings.Join(lines, "\n"))
}

// Say writes a text, wrapped at the window's edge. Its first line begins with first, and the others with as many spaces.
func (s Screen) Say(first, text string) {
	lines := Wrap(Escape(first+text), s.width, strings.Repeat(" ", utf8.RuneCountInString(first)))
	fmt.Fprintln(s.w, strings.Join(lines, "\n"))
}

// Text writes lines that are made up already. Those wider than the window are wrapped, and go on where their words began; a line with a command after a name is not:
// people copy it.
func (s Screen) Text(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if lead := len(line) - len(strings.TrimLeft(line, " ")); strings.Contains(line[lead:], "  ") {
			fmt.Fprintln(s.w, Escape(line))
		} else {
			s.Say(strings.Repeat(" ", lead), line[lead:])
		}
	}
}

// Wrap breaks a text at spaces into lines of at most so many columns; 0: of any length. Each line but the first begins with indent. A word that is longer than a line
// is not broken: people copy it.
func Wrap(text string, width int, indent string) []string {
	if width <= 0 || utf8.RuneCountInString(text) <= width {
		return []string{text}
	}
	lead := text[:len(text)-len(strings.TrimLeft(text, " "))]
	var lines []string
	line, empty := lead, true
	for word := range strings.SplitSeq(strings.TrimLeft(text, " "), " ") {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, strings.TrimRight(line, " "))
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	return append(lines, line)
}

// Table writes aligned columns; the first row is the head. In a window that is too narrow for them, each row becomes a list of its cells.
func (s Screen) Table(rows [][]string) {
	var widths []int
	for _, row := range rows {
		if more := len(row) - len(widths); more > 0 {
			widths = append(widths, make([]int, more)...)
		}
		for i := range row {
			row[i] = Escape(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	total := 2 * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	if s.width > 0 && total > s.width {
		s.list(rows)
		return
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(s.paint(cell))
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		fmt.Fprintln(s.w, strings.TrimRight(line.String(), " "))
	}
}

// list writes each row as a list of its cells, with the names of the columns.
func (s Screen) list(rows [][]string) {
	head, name := rows[0], 0
	for _, h := range head[min(1, len(head)):] {
		name = max(name, utf8.RuneCountInString(h))
	}
	for _, row := range rows[1:] {
		fmt.Fprintln(s.w, strings.TrimSpace(head[0]+" "+row[0]))
		for i, cell := range row[1:] {
			if cell == "" || i+1 >= len(head) {
				continue
			}
			first := fmt.Sprintf("  %-*s  ", name, head[i+1])
			lines := Wrap(first+cell, s.width, strings.Repeat(" ", name+4))
			if len(lines) == 1 {
				lines[0] = first + s.paint(cell)
			}
			fmt.Fprintln(s.w, strings.Join(lines, "\n"))
		}
	}
}

// Gap writes an empty line.
func (s Screen) Gap() { fmt.Fprintln(s.w) }

// Age is how long something is ago, or how far it is ahead, as people say it: < 1 min, 5 min, 3 h, 2 days.
func Age(d time.Duration) string {
	switch d = d.Abs(); {
	case d < time.Minute:
		return "< 1 min"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// When is a time with its age; a dash if there is none.
func When(t *time.Time, now time.Time) string {
	if t == nil {
		return "-"
	}
	in := ""
	if t.After(now) {
		in = "in "
	}
	return fmt.Sprintf("%s (%s%s)", t.UTC().Format("2006-01-02 15:04Z"), in, Age(now.Sub(*t)))
}

// Share is a part of a whole in percent; a dash if the whole is not known.
func Share(part, whole int64) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%d%%", part*100/whole)
}

// NextOf is when something is done next, if somebody is there to do it; running is nil if that is not known.
func NextOf(next *time.Time, running *bool, now time.Time) string {
	switch {
	case running == nil:
		return "not known"
	case !*running:
		return "-"
	}
	return When(next, now)
}
