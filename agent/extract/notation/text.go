package notation

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

var errNotUTF8 = errors.New("a text that is not UTF-8")

// inline writes a text within one line: plain if no reader takes it for anything else, otherwise in double quotes.
func inline(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", errNotUTF8
	}
	if isPlain(text) {
		return text, nil
	}
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case unicode.IsPrint(r):
			out.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&out, `\x%02X`, r)
		case r <= 0xffff:
			fmt.Fprintf(&out, `\u%04X`, r)
		default:
			fmt.Fprintf(&out, `\U%08X`, r)
		}
	}
	out.WriteByte('"')
	return out.String(), nil
}

// typed are the words that begin with a letter and that YAML 1.1 or 1.2 takes for something else than text. Everything else that
// has a type of its own (numbers of any base, base 60 too, dates, "=", "<<", "~", ".") begins with a digit or a sign.
var typed = map[string]bool{"y": true, "yes": true, "n": true, "no": true, "true": true, "false": true, "on": true, "off": true, "null": true}

// isPlain reports whether a text needs no quotes: it begins with a letter or a slash, and has no character with a meaning.
func isPlain(text string) bool {
	for i, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '/'
		if !letter && (i == 0 || !(r >= '0' && r <= '9') && !strings.ContainsRune(" _.@:=+,-", r)) {
			return false
		}
	}
	return text != "" && !typed[strings.ToLower(text)] && !strings.Contains(text, ": ") && !strings.HasSuffix(text, ":") && !strings.HasSuffix(text, " ")
}

// isBlock reports whether a text of several lines can stand as it is, indented: YAML neither folds nor trims any of it, and no
// character of it needs an escape.
func isBlock(text string) bool {
	if !strings.Contains(text, "\n") || strings.ContainsRune("\n \t", rune(text[0])) || !utf8.ValidString(text) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) })
}

// block writes the lines of a text. The sign behind the bar keeps the exact number of line ends at its end.
func (w *yamlWriter) block(text string, indent int) {
	body := strings.TrimRight(text, "\n")
	switch len(text) - len(body) {
	case 0:
		w.WriteString("|-\n")
	case 1:
		w.WriteString("|\n")
	default:
		w.WriteString("|+\n")
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if line != "" {
			w.pad(indent)
		}
		w.WriteString(line + "\n")
	}
}
