package amend

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

var bom = []byte("\xef\xbb\xbf")

// text is a file as lines, without their ends.
type text struct {
	head  []byte // a byte order mark, or nothing
	eol   string
	lines []string
}

func newText(src []byte) *text {
	t := &text{eol: "\n"}
	if bytes.HasPrefix(src, bom) {
		t.head, src = bom, src[len(bom):]
	}
	if bytes.Contains(src, []byte("\r\n")) {
		t.eol = "\r\n"
	}
	if len(src) > 0 {
		t.lines = strings.Split(strings.TrimSuffix(string(src), t.eol), t.eol)
	}
	return t
}

func (t *text) bytes() []byte {
	return append(slices.Clone(t.head), strings.Join(t.lines, t.eol)+t.eol...)
}

// insert puts lines behind the first n.
func (t *text) insert(n int, lines []string) { t.lines = slices.Insert(t.lines, n, lines...) }

// spot is a place in the file: a line, and an offset in its bytes, both from 0.
type spot struct{ line, offset int }

// start is where a node begins. Columns count characters.
func (t *text) start(n *yaml.Node) (spot, bool) {
	line, column := n.Line-1, n.Column-1
	if line < 0 || line >= len(t.lines) {
		return spot{}, false
	}
	for offset := range t.lines[line] {
		if column == 0 {
			return spot{line, offset}, true
		}
		column--
	}
	return spot{line, len(t.lines[line])}, column == 0
}

// splice replaces what is between two spots by s.
func (t *text) splice(from, to spot, s string) {
	joined := t.lines[from.line][:from.offset] + s + t.lines[to.line][to.offset:]
	t.lines = slices.Replace(t.lines, from.line, to.line+1, joined)
}

// lastLine is the number of lines up to the end of a block, without the comments and empty lines that follow it.
func (t *text) lastLine(n *yaml.Node, ends map[*yaml.Node]int) int {
	last := min(ends[n], len(t.lines))
	for last > n.Line {
		switch line := strings.TrimSpace(t.lines[last-1]); {
		case line == "", line[0] == '#', line == "...", line == "---":
			last--
			continue
		}
		break
	}
	return last
}

// end is the spot behind a scalar of one line, or behind a collection with brackets.
func (t *text) end(n *yaml.Node, from spot) (spot, bool) {
	rest := t.lines[from.line][from.offset:]
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		return spot{}, false
	case n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return spot{}, false
	case n.Kind == yaml.ScalarNode && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		length := quoted(rest)
		return spot{from.line, from.offset + length}, length > 0
	case n.Kind == yaml.ScalarNode:
		return spot{from.line, from.offset + len(n.Value)}, strings.HasPrefix(rest, n.Value)
	case isFlow(n):
		return t.closing(from)
	}
	return spot{}, false
}

// quoted is the length of the quoted scalar with which s begins; 0: it does not end here.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] == s[0] && s[0] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return 0
}

// closing is the spot behind the bracket that closes the one at from.
func (t *text) closing(from spot) (spot, bool) {
	depth := 0
	for line := from.line; line < len(t.lines); line++ {
		s, i := t.lines[line], 0
		if line == from.line {
			i = from.offset
		}
		for ; i < len(s); i++ {
			before := byte(' ')
			if i > 0 {
				before = s[i-1]
			}
			switch {
			case s[i] == '#' && (before == ' ' || before == '\t'):
				i = len(s)
			case (s[i] == '"' || s[i] == '\'') && strings.IndexByte(" \t,[{:", before) >= 0:
				length := quoted(s[i:])
				if length == 0 {
					return spot{}, false
				}
				i += length - 1
			case s[i] == '[' || s[i] == '{':
				depth++
			case s[i] == ']' || s[i] == '}':
				if depth--; depth == 0 {
					return spot{line, i + 1}, true
				}
			}
		}
	}
	return spot{}, false
}
