package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape shows what a terminal would act upon: control characters, those that turn the direction of text, and bytes that are no text, as \u001b or \xff.
// Names, keys and the texts of servers come from others. Line feeds and tabs are escaped as well, since a cell of a table is one line.
func Escape(text string) string { return escape(text, "") }

// escape leaves the characters in keep as they are.
func escape(text, keep string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return acts(r, keep) }) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		first := text[0]
		text = text[size:]
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, first)
		case !acts(r, keep):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// acts reports whether a terminal does something else with a character than show it.
func acts(r rune, keep string) bool {
	return (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029') && !strings.ContainsRune(keep, r)
}

// Safe is a stream for text. What is written to it is escaped but for line feeds and tabs; it stays valid JSON where it was. Each write has to end where a
// character does.
type Safe struct{ to io.Writer }

// NewSafe returns a stream that leads to another.
func NewSafe(to io.Writer) Safe { return Safe{to} }

// Write implements io.Writer.
func (s Safe) Write(p []byte) (int, error) {
	if _, err := io.WriteString(s.to, escape(string(p), "\n\t")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Raw returns the stream that one leads to, for what moves the cursor.
func Raw(w io.Writer) io.Writer {
	if safe, ok := w.(Safe); ok {
		return safe.to
	}
	return w
}
