package restore

import "regexp"

// withHint is an error that knows a way out. The command line shows it.
type withHint struct {
	error
	hint string
}

func (w withHint) Unwrap() error { return w.error }

// Hint says what can be done about it.
func (w withHint) Hint() string { return w.hint }

func hinted(err error, hint string) error { return withHint{err, hint} }

// typeName is how the yaml library names the Go type that it was filling.
var typeName = regexp.MustCompile(`field (\S+) not found in type \S+`)

// plainWords takes the names of Go types out of an error of the yaml library.
func plainWords(s string) string { return typeName.ReplaceAllString(s, "unknown key $1") }
