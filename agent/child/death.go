package child

import (
	"fmt"
	"os"
	"strings"
)

// Death is the end of a child that did not finish its work.
type Death struct {
	End  *os.ProcessState
	Said string // the first of what it said on stderr, up to 8 KiB
}

// Error says how it ended, and the first line of what it said.
func (d *Death) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the child ended with %s %s", d.End, d.Line()))
}

// maxLineBytes bounds what is told of a child's words: they may quote the file that it died of.
const maxLineBytes = 1000

// Line is the first line that it said; "" when it said nothing.
func (d *Death) Line() string {
	line, _, _ := strings.Cut(strings.TrimSpace(d.Said), "\n")
	return strings.ToValidUTF8(line[:min(len(line), maxLineBytes)], "")
}

// Crashed tells whether the child's own code panicked or faulted, so that what it was given is to blame. Being killed, ended by
// somebody, or left without memory is none of that.
func (d *Death) Crashed() bool {
	line := d.Line()
	// Go ends with 2 on a panic or a fault, and also on these two signals, when somebody sends them.
	return d.End.ExitCode() == 2 && line != "" && !d.Starved() &&
		!strings.HasPrefix(line, "SIGQUIT") && !strings.HasPrefix(line, "SIGABRT")
}

// Starved tells whether it ended because there was too little memory.
func (d *Death) Starved() bool {
	return strings.Contains(d.Said, "out of memory") || strings.Contains(d.Said, "cannot allocate memory")
}
