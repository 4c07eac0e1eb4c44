package terminal

import (
	"strconv"
	"strings"
	"unicode"
)

// Word is a word of the cluster as a table shows it: quoted where a terminal could obey it, or a reader take it for more
// than one.
func Word(word string) string {
	const most = 80
	if runes := []rune(word); len(runes) > most {
		word = string(runes[:most]) + "…"
	}
	if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }) {
		return strconv.QuoteToGraphic(word)
	}
	return word
}

// LineError says in one line, which a terminal shows and does not obey, what may hold words of the cluster.
type LineError struct{ Err error }

// Unwrap returns the error itself.
func (p LineError) Unwrap() error { return p.Err }

func (p LineError) Error() string {
	var line strings.Builder
	for _, r := range p.Err.Error() {
		switch {
		case r == '\n': // between errors that were joined
			line.WriteString("; ")
		case unicode.IsPrint(r):
			line.WriteRune(r)
		default:
			line.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return line.String()
}
