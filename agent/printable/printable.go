// Package printable writes a stranger's text, such as a name or the text of a server, so that it can be shown and kept. It does not know whose
// text it is. Its one invariant: no terminal acts upon what it returns, which is one line of valid UTF-8.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mark ends a text that was cut.
const mark = " (cut)"

// Text is a text with control characters, line feeds, escapes, marks that turn the direction of writing, and bytes that are no UTF-8 written as Go writes
// them in a string ("\t", "\x1b"). A text without any of these stays as it is. What is longer than most bytes, as it is written, is cut and says so.
func Text(text string, most int) string {
	if !strings.ContainsFunc(text, hidden) && utf8.ValidString(text) {
		return bounded(text, most)
	}
	var out strings.Builder
	for rest := text; rest != "" && out.Len() <= most; {
		r, size := utf8.DecodeRuneInString(rest)
		if r == utf8.RuneError || hidden(r) {
			quoted := strconv.QuoteToASCII(rest[:size])
			out.WriteString(quoted[1 : len(quoted)-1])
		} else {
			out.WriteString(rest[:size])
		}
		rest = rest[size:]
	}
	return bounded(out.String(), most)
}

// hidden reports whether a terminal, or a reader, would obey a character instead of showing it. The replacement character mostly stands for bytes that
// were no text.
func hidden(r rune) bool { return r == unicode.ReplacementChar || r != ' ' && !unicode.IsPrint(r) }

// bounded cuts a text that is longer than most bytes.
func bounded(text string, most int) string {
	if len(text) <= most {
		return text
	}
	cut := max(0, most-len(mark))
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + mark
}
