package hostfile

import (
	"fmt"
	"maps"
	"strings"
)

// Setting is one value and where it stands.
type Setting struct {
	// Name as it stands in the file.
	Name, Value string
	// Line counts from 1.
	Line int
	// Unresolved: the value has a variable in it that no file gives.
	Unresolved bool
}

// Settings are what a program was told, by the names of its flags without dashes, whatever the form of the file.
type Settings struct {
	File string
	Of   map[string]Setting
	// Unseen are what may tell the program more, and cannot be read; with their places. A setting that is missing may be given there.
	Unseen []string
}

// Get is the value of a flag, "" if it was not given.
func (s Settings) Get(name string) string { return s.Of[name].Value }

// Problem says what is wrong with one setting.
func (s Settings) Problem(name, format string, args ...any) error {
	set := s.Of[name]
	if set.Name != "" {
		format = set.Name + ": " + format
	}
	return &Problem{File: s.File, Line: set.Line, Message: fmt.Sprintf(format, args...)}
}

// Known returns a *[Problem] unless it is certain what one of the settings is, or that it was not given: a value may have a variable that no
// file gives, or may be set where it cannot be read.
func (s Settings) Known(names ...string) error {
	for _, name := range names {
		set, given := s.Of[name]
		switch {
		case given && set.Unresolved:
			return s.Problem(name, "%q has a variable whose value is not in the manifest", Clip(set.Value))
		case !given && len(s.Unseen) > 0:
			return &Problem{File: s.File, Message: fmt.Sprintf("--%s may be given where it cannot be read: %s", name, strings.Join(s.Unseen, "; "))}
		}
	}
	return nil
}

// WithEnvironment adds what a program takes from its environment where there is no flag: with the prefix ETCD_, ETCD_DATA_DIR is data-dir.
func (s Settings) WithEnvironment(prefix string, env map[string]Setting) Settings {
	of := maps.Clone(s.Of)
	if of == nil {
		of = map[string]Setting{}
	}
	for name, set := range env {
		flag, is := strings.CutPrefix(name, prefix)
		flag = strings.ReplaceAll(strings.ToLower(flag), "_", "-")
		if _, given := of[flag]; is && !given && set.Value != "" {
			of[flag] = set
		}
	}
	s.Of = of
	return s
}

// Word is one word of a command line and the line on which it stands.
type Word struct {
	Text string
	Line int
	// Block: it is a text of several lines, Line being the first.
	Block bool
	// Unresolved: it has a variable in it that no file gives.
	Unresolved bool
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
		unresolved := w.Unresolved
		switch {
		case given:
		case i+1 < len(words) && !strings.HasPrefix(words[i+1].Text, "-"):
			i++
			value, unresolved = words[i].Text, words[i].Unresolved
		default:
			value = "true"
		}
		flags[name] = Setting{Name: "--" + name, Value: value, Line: w.Line, Unresolved: unresolved}
	}
	return flags
}

// Unsure reports whether the program may have settings that cannot be read, or a value has an unknown variable.
func (s Settings) Unsure() bool {
	if len(s.Unseen) > 0 {
		return true
	}
	for _, set := range s.Of {
		if set.Unresolved {
			return true
		}
	}
	return false
}
