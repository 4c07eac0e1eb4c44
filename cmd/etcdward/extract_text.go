package main

import (
	"strconv"
	"strings"
	"unicode"
)

// shownWord is a word of the cluster as a table shows it: quoted where a terminal could obey it, or a reader take it for more
// than one.
func shownWord(word string) string {
	const most = 80
	if runes := []rune(word); len(runes) > most {
		word = string(runes[:most]) + "…"
	}
	if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }) {
		return strconv.QuoteToGraphic(word)
	}
	return word
}

// plainError says in one line, which a terminal shows and does not obey, what may hold words of the cluster.
type plainError struct{ error }

func (p plainError) Unwrap() error { return p.error }

func (p plainError) Error() string {
	var line strings.Builder
	for _, r := range p.error.Error() {
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

// fetchError is an error of fetch.Fetcher, which names itself, with the verb that was given.
type fetchError struct{ error }

func (f fetchError) Unwrap() error { return f.error }

func (f fetchError) Error() string {
	if rest, ok := strings.CutPrefix(f.error.Error(), "fetch"); ok {
		return "extract" + rest
	}
	return f.error.Error()
}
