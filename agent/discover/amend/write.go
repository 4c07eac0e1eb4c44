package amend

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// replace puts a value in the place of the node at. key is the key it belongs to, if any.
func (t *text) replace(at, key *yaml.Node, value any, ends map[*yaml.Node]int) error {
	from, ok := t.start(at)
	if !ok {
		return ErrByHand
	}
	scalar := isScalar(value)
	switch {
	case at.Tag == "!!null" && at.Value == "" && key != nil && scalar:
		t.splice(from, from, " "+flow(value))
	case at.Tag == "!!null" && at.Value == "" && key != nil:
		t.insert(key.Line, block(value, key.Column+1))
	case at.Kind == yaml.ScalarNode || isFlow(at):
		to, ok := t.end(at, from)
		if !ok {
			return ErrByHand
		}
		t.splice(from, to, flow(value))
	case !scalar:
		last := t.lastLine(at, ends)
		t.splice(spot{at.Line - 1, 0}, spot{last - 1, len(t.lines[last-1])}, strings.Join(block(value, at.Column-1), t.eol))
		t.lines = strings.Split(strings.Join(t.lines, t.eol), t.eol)
	default:
		return ErrByHand
	}
	return nil
}

// add puts entries behind the last of a collection.
func (t *text) add(at *yaml.Node, more any, ends map[*yaml.Node]int) error {
	if !isFlow(at) {
		t.insert(t.lastLine(at, ends), block(more, at.Column-1))
		return nil
	}
	from, ok := t.start(at)
	if !ok {
		return ErrByHand
	}
	to, ok := t.closing(from)
	if !ok {
		return ErrByHand
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(flow(more), "{"), "}")
	if _, list := more.(List); list {
		inner = strings.TrimSuffix(strings.TrimPrefix(flow(more), "["), "]")
	}
	before := strings.TrimRight(t.lines[to.line][:to.offset-1], " \t")
	at2 := spot{to.line, len(before)}
	if len(at.Content) > 0 && !strings.HasSuffix(before, ",") {
		inner = ", " + inner
	} else if len(at.Content) > 0 {
		inner = " " + inner
	}
	t.splice(at2, at2, inner)
	return nil
}

func isScalar(value any) bool {
	switch value.(type) {
	case string, bool:
		return true
	}
	return false
}

// block writes a mapping or a list one entry to a line, so many columns in.
func block(value any, indent int) []string {
	pad := strings.Repeat(" ", indent)
	var lines []string
	switch v := value.(type) {
	case Map:
		for _, p := range v {
			if isScalar(p.Value) || empty(p.Value) {
				lines = append(lines, pad+p.Key+": "+flow(p.Value))
			} else {
				lines = append(append(lines, pad+p.Key+":"), block(p.Value, indent+2)...)
			}
		}
	case List:
		for _, item := range v {
			if isScalar(item) || empty(item) {
				lines = append(lines, pad+"- "+flow(item))
				continue
			}
			entry := block(item, indent+2)
			entry[0] = pad + "- " + entry[0][indent+2:]
			lines = append(lines, entry...)
		}
	}
	return lines
}

func empty(value any) bool {
	switch v := value.(type) {
	case Map:
		return len(v) == 0
	case List:
		return len(v) == 0
	}
	return false
}

// flow writes a value within one line.
func flow(value any) string {
	var parts []string
	switch v := value.(type) {
	case bool:
		return strconv.FormatBool(v)
	case string:
		return scalar(v)
	case Map:
		for _, p := range v {
			parts = append(parts, p.Key+": "+flow(p.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case List:
		for _, item := range v {
			parts = append(parts, flow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return ""
}

var (
	needsNoQuotes = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*$`)
	reserved      = regexp.MustCompile(`^(?i:true|false|yes|no|on|off|y|n|null)$`)
)

func scalar(s string) string {
	if needsNoQuotes.MatchString(s) && !reserved.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}
