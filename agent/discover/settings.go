package discover

import (
	"fmt"
	"path"
	"strings"
)

// Setting is one value and where it stands.
type Setting struct {
	// Name as it stands in the file.
	Name, Value string
	// Line counts from 1.
	Line int
}

// Settings are what a program was told, by the names of its flags without dashes, whatever the form of the file.
type Settings struct {
	File string
	Of   map[string]Setting
}

// Get is the value of a flag, "" where it was not given.
func (s Settings) Get(name string) string { return s.Of[name].Value }

// problem says what is wrong with one setting.
func (s Settings) problem(name, format string, args ...any) error {
	set := s.Of[name]
	return &Problem{File: s.File, Line: set.Line, Message: set.Name + ": " + fmt.Sprintf(format, args...)}
}

// absolute is the value of a flag that names a file of the host; "" where it was not given.
func (s Settings) absolute(name string) (string, error) {
	value := s.Get(name)
	if value == "" || path.IsAbs(value) && printable(value) {
		return value, nil
	}
	return "", s.problem(name, "%q is no absolute path", clip(value))
}

// Word is one word of a command line and the line on which it stands.
type Word struct {
	Text string
	Line int
}

// Flags reads a command line: --name=value and --name value, one dash or two. A flag without a value is true; of two with one
// name the last counts. Words that are no flags are passed over.
func Flags(words []Word) map[string]Setting {
	flags := map[string]Setting{}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w.Text == "--" {
			break
		}
		bare := strings.TrimPrefix(strings.TrimPrefix(w.Text, "-"), "-")
		if bare == w.Text || bare == "" {
			continue
		}
		name, value, given := strings.Cut(bare, "=")
		switch {
		case given:
		case i+1 < len(words) && !strings.HasPrefix(words[i+1].Text, "-"):
			i++
			value = words[i].Text
		default:
			value = "true"
		}
		flags[name] = Setting{Name: "--" + name, Value: value, Line: w.Line}
	}
	return flags
}
