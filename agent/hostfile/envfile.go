package hostfile

import (
	"regexp"
	"strings"
)

var envKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ParseEnv reads a file of NAME=value lines, as systemd and shells take them: with comments, quotes, "export", and lines that
// go on after a backslash. The error is a *[Problem].
func ParseEnv(file string, text []byte) (map[string]Setting, error) {
	of := map[string]Setting{}
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		at, line := i+1, strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		for strings.HasSuffix(line, `\`) && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, `\`) + strings.TrimSpace(lines[i])
		}
		if rest, is := strings.CutPrefix(line, "export "); is {
			line = strings.TrimSpace(rest)
		}
		name, value, given := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !given || !envKey.MatchString(name) {
			return nil, &Problem{File: file, Line: at, Message: "not a line of the form NAME=value"}
		}
		value, whole := unquote(strings.TrimSpace(value))
		if !whole {
			return nil, &Problem{File: file, Line: at, Message: name + ": a quote is opened and not closed"}
		}
		of[name] = Setting{Name: name, Value: value, Line: at}
	}
	return of, nil
}

// unquote takes quotes and escapes off, and what is a comment behind the value. whole is false where a quote is left open.
func unquote(s string) (value string, whole bool) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == '#' && i > 0 && (s[i-1] == ' ' || s[i-1] == '\t'):
			return strings.TrimSpace(b.String()), true
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), quote == 0
}
