package document

import (
	"bytes"
	"errors"
	"strings"

	"go.yaml.in/yaml/v4"
)

// syntax turns an error of the yaml library into a place and a sentence. It does not repeat the library's own
// words, because they quote the file and name the library's internal stages.
func syntax(src []byte, err error) (line, col int, message string) {
	fault, ok := errors.AsType[*yaml.LoadError](err)
	if !ok || fault.Mark.Line == 0 {
		return 1, 1, "not YAML"
	}
	line, col = fault.Mark.Line, fault.Mark.Column
	if tab := indentTab(src, line); tab > 0 {
		return line, tab, "a tab is used for indentation: use spaces"
	}
	for _, s := range sentences {
		if strings.Contains(fault.Message, s.part) && strings.Contains(fault.ContextMsg, s.context) {
			if s.opening {
				line, col = fault.ContextMark.Line, fault.ContextMark.Column
			}
			return line, col, "not YAML: " + s.says
		}
	}
	return line, col, "not YAML: this is not expected here"
}

// sentences are tried in order. A mistake in an opening is reported at the beginning of the construct, since
// the library notices it only at the end of the file.
var sentences = []struct {
	part, context string
	opening       bool
	says          string
}{
	{"max depth", "", false, "nested too deep"},
	{"unknown anchor", "", false, "an alias (*) is not allowed: write the value out, or quote it"},
	{"", "an alias", false, "an alias (*) is not allowed: write the value out, or quote it"},
	{"", "an anchor", false, "an anchor (&) is not allowed: leave it out, or quote the value"},
	{"", "a tag", false, "a tag (!) is not allowed: leave it out, or quote the value"},
	{"tag handle", "", false, "a tag (!) is not allowed: leave it out, or quote the value"},
	{"", "irective", false, "a line that begins with % is a directive: leave it out"},
	{"%", "", false, "a line that begins with % is a directive: leave it out"},
	{"incompatible", "", false, "a line that begins with % is a directive: leave it out"},
	{"tab", "", false, "a tab stands among the spaces: use spaces only"},
	{"end of stream", "quoted scalar", true, "this quote is never closed"},
	{"document indicator", "quoted scalar", true, "this quote is never closed"},
	{"", "quoted scalar", false, `no such escape in double quotes: write \\ for a backslash, or use single quotes`},
	{"", "block scalar", false, "| and > begin a text of several lines: quote the value"},
	{"without preceding whitespace", "", false, "a comment needs a space before its #"},
	{"", "flow sequence", true, "this [ is never closed, or a comma is missing behind it"},
	{"", "flow mapping", true, "this { is never closed, or a comma is missing behind it"},
	{"mapping keys are not allowed", "", false, "a value cannot begin with a question mark and a space: quote it"},
	{"mapping values are not allowed", "", false, "a second colon on one line, or wrong indentation: quote the value, or align the key"},
	{"sequence entries are not allowed", "", false, "a list begins here on the line of its key: put it on the next line"},
	{"could not find expected ':'", "simple key", true, "a key without a colon"},
	{"'-' indicator", "", false, "a key stands beside list items: every line of this list begins with -"},
	{"expected key", "", false, "the indentation fits no key above"},
	{"cannot start any token", "", false, "a value cannot begin with this character: quote it"},
	{"expected node content", "", false, "a value is missing before this"},
	{"document", "", false, "nothing can stand here, after the end of the configuration"},
}

// indentTab is the column of the first tab in the indentation of a line, or 0.
func indentTab(src []byte, line int) int {
	for range line - 1 {
		_, src, _ = bytes.Cut(src, []byte("\n"))
	}
	for i, b := range src {
		switch b {
		case ' ':
		case '\t':
			return i + 1
		default:
			return 0
		}
	}
	return 0
}
