package notation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth bounds how deep values may be nested: no kind of Kubernetes comes near it.
const MaxDepth = 128

// ErrDeep means that a value is nested deeper than MaxDepth.
var ErrDeep = errors.New("nested too deep")

// Parse reads one JSON value. lost names what the result does not hold of it.
func Parse(text []byte) (v any, lost string, err error) {
	if !utf8.Valid(text) {
		return nil, "", errors.New("parse JSON: not UTF-8")
	}
	p := parser{dec: json.NewDecoder(bytes.NewReader(text))}
	p.dec.UseNumber()
	if v, err = p.value(0); err != nil {
		return nil, "", fmt.Errorf("parse JSON: %w", err)
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, "", errors.New("parse JSON: more text follows the value")
	}
	if half := halfCharacter(text); half != "" {
		p.Add("%s is half a character; U+FFFD stands in its place", half)
	}
	return v, strings.Join(p.Notes, "; "), nil
}

type parser struct {
	dec *json.Decoder
	Losses
}

func (p *parser) value(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, ErrDeep
	}
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		all := []any{}
		for p.dec.More() {
			v, err := p.value(depth + 1)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		_, err := p.dec.Token()
		return all, err
	case json.Delim('{'):
		all := map[string]any{}
		for p.dec.More() {
			key, err := p.dec.Token()
			if err != nil {
				return nil, err
			}
			name := key.(string)
			if _, twice := all[name]; twice {
				p.Add("the name %.40q stands twice in one object", name)
			}
			if all[name], err = p.value(depth + 1); err != nil {
				return nil, err
			}
		}
		_, err := p.dec.Token()
		return all, err
	}
	if literal, ok := token.(json.Number); ok {
		v, exact := number(string(literal))
		if !exact {
			p.Add("the number %.40s has more digits than readers of YAML keep; it is %v here", literal, v)
		}
		return v, nil
	}
	return token, nil
}

// halfCharacter finds an escape of JSON that is one half of a surrogate pair without the other: encoding/json replaces it by
// U+FFFD. The text was read as JSON before, so a backslash stands only in strings.
func halfCharacter(text []byte) string {
	unit := func(at int) (r rune, escape bool) {
		if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(string(text[at+2:at+6]), 16, 16)
		return rune(n), err == nil
	}
	for at := 0; at < len(text); at++ {
		if text[at] != '\\' {
			continue
		}
		first, escape := unit(at)
		switch {
		case !escape:
			at++ // what is escaped may be a backslash
			continue
		case utf16.IsSurrogate(first):
			second, _ := unit(at + 6)
			if utf16.DecodeRune(first, second) == unicode.ReplacementChar {
				return string(text[at : at+6])
			}
			at += 6
		}
		at += 5
	}
	return ""
}

// Visible escapes in JSON what encoding/json leaves as it is and a terminal obeys or does not show: controls from DEL on, and
// characters that change the direction of a line.
func Visible(text []byte) []byte {
	if !bytes.ContainsFunc(text, hidden) {
		return text
	}
	var out []byte
	for _, r := range string(text) {
		if !hidden(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}

func hidden(r rune) bool { return r >= 0x7f && !unicode.IsPrint(r) }

// Printable reports whether b is text that a terminal shows and does not obey.
func Printable(b []byte) bool {
	for _, r := range string(b) {
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\t' {
			return false
		}
	}
	return true
}
