// Package hostfile reads the forms in which a host tells its programs what to do: YAML, NAME=value lines, units of systemd, command lines,
// scripts of a shell. It does not know what the values mean, and opens no file itself.
//
// Its one invariant: each value knows the line that it stands on, and what cannot be read is marked as such, never left out.
package hostfile

import "fmt"

// Problem is a file that was read and cannot be understood.
type Problem struct {
	File string
	// Line counts from 1; 0: the file as a whole.
	Line int
	// Message says what is wrong; Advice what to do.
	Message, Advice string
}

func (p *Problem) Error() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Message)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// Hint is the way out.
func (p *Problem) Hint() string {
	if p.Advice == "" {
		return "correct it; or name the etcd with --endpoint, --ca-file, --cert-file and --key-file"
	}
	return p.Advice
}

// Clip keeps a text of a message to one line.
func Clip(text string) string {
	if len(text) > 100 {
		return text[:100] + "…"
	}
	return text
}
