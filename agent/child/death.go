package child

import (
	"fmt"
	"os"
	"strings"
)

// Death is the error of a child that ended before it finished its work.
type Death struct {
	End  *os.ProcessState
	Said string // the first 8 KiB of what it wrote to stderr
}

// Error tells how the child ended and gives the first line that it wrote to stderr.
func (d *Death) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the child ended with %s %s", d.End, d.Line()))
}

// maxLineBytes limits how much of the child's message is repeated: it may quote the file that crashed it.
const maxLineBytes = 1000

// Line is the first line that the child wrote to stderr; "" if it wrote nothing.
func (d *Death) Line() string {
	line, _, _ := strings.Cut(strings.TrimSpace(d.Said), "\n")
	return strings.ToValidUTF8(line[:min(len(line), maxLineBytes)], "")
}

// Crashed reports whether the child's own code panicked or faulted, so that its input is to blame. A child that was killed from
// outside, or that ran out of memory, did not crash.
func (d *Death) Crashed() bool {
	line := d.Line()
	// Go exits with 2 on a panic or a fault. It also does on these two signals if somebody sends them.
	return d.End.ExitCode() == 2 && line != "" && !d.Starved() &&
		!strings.HasPrefix(line, "SIGQUIT") && !strings.HasPrefix(line, "SIGABRT")
}

// Starved reports whether the child ended because memory ran out.
func (d *Death) Starved() bool {
	return strings.Contains(d.Said, "out of memory") || strings.Contains(d.Said, "cannot allocate memory")
}
