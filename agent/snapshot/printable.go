package snapshot

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxTextBytes bounds a text of a manifest.
const maxTextBytes = 4096

// Printable is a text as it may be shown and kept: control characters, line feeds, escapes, marks that turn the direction of writing, and
// bytes that are no UTF-8 are written as Go writes them in a string ("\t", "\x1b"). A text without any of these stays as it is. Names of
// members and texts of servers are a stranger's.
func Printable(text string) string {
	if !strings.ContainsFunc(text, unprintable) && utf8.ValidString(text) {
		return bounded(text)
	}
	var out strings.Builder
	for rest := text; rest != "" && out.Len() <= maxTextBytes; {
		r, size := utf8.DecodeRuneInString(rest)
		if r == utf8.RuneError || unprintable(r) {
			quoted := strconv.QuoteToASCII(rest[:size])
			out.WriteString(quoted[1 : len(quoted)-1])
		} else {
			out.WriteString(rest[:size])
		}
		rest = rest[size:]
	}
	return bounded(out.String())
}

// unprintable reports whether a terminal, or a reader, would obey a character instead of showing it.
func unprintable(r rune) bool { return r == unicode.ReplacementChar || r != ' ' && !unicode.IsPrint(r) }

// bounded cuts a text that is too long for a manifest.
func bounded(text string) string {
	const mark = " (cut)"
	if len(text) <= maxTextBytes {
		return text
	}
	cut := maxTextBytes - len(mark)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + mark
}

// Fit makes the texts of a manifest such that it can be encoded: what a member is called must keep no snapshot from being stored.
func (m *Manifest) Fit() {
	for _, text := range []*string{&m.Member.Name, &m.Member.Role, &m.Member.Version, &m.Member.Reason, &m.Tool} {
		*text = Printable(*text)
	}
	for i := range m.Checks {
		m.Checks[i].Detail = Printable(m.Checks[i].Detail)
	}
	for i := range m.Inconclusive {
		m.Inconclusive[i].Detail = Printable(m.Inconclusive[i].Detail)
	}
	for i := range m.OddMembers {
		m.OddMembers[i].Name, m.OddMembers[i].Detail = Printable(m.OddMembers[i].Name), Printable(m.OddMembers[i].Detail)
	}
}
