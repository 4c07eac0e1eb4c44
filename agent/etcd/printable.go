package etcd

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostPrintable is the length, in bytes, above which a text is cut: etcd takes a name of any.
const mostPrintable = 3000

// Printable is a name, or a text of a server, as one line without control characters: etcd takes any name. "a\tb" stands for a tab.
func Printable(text string) string {
	if len(text) > mostPrintable {
		text = strings.ToValidUTF8(text[:mostPrintable], "") + "..."
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		text = strconv.Quote(text)
		text = text[1 : len(text)-1]
	}
	return strings.ReplaceAll(text, "\ufffd", `\ufffd`) // it mostly stands for bytes that were no text
}
