package document

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/config/value"
	"go.yaml.in/yaml/v4"
)

// value fills v from n, or from the default if n is nil.
func (r *Reader) value(path string, n *yaml.Node, v reflect.Value, f Field) {
	if n == nil && f.Need {
		r.Report(path, "is missing and has no default")
		return
	}
	switch kindOf(v.Type()) {
	case listKind:
		r.list(path, n, v, f)
	case sectionKind:
		r.section(path, n, v)
	case choiceKind:
		if n != nil {
			v.Set(reflect.New(v.Type().Elem()))
			r.section(path, n, v.Elem())
		}
	case optionalKind:
		if n != nil {
			v.Set(reflect.New(v.Type().Elem()))
			r.scalar(path, n, v.Elem(), f)
		}
	default:
		if n == nil {
			r.preset(v, f.Default)
			return
		}
		r.scalar(path, n, v, f)
	}
}

// preset sets v to a default, which is written in the tag the way it would be in the file.
func (r *Reader) preset(v reflect.Value, s string) {
	if err := r.scan(v, s); err != nil {
		panic(fmt.Sprintf("document: default %q: %v", s, err))
	}
}

func (r *Reader) list(path string, n *yaml.Node, v reflect.Value, f Field) {
	switch {
	case n == nil:
		if f.Default == "" {
			return
		}
		items := strings.Split(f.Default, ",")
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i, item := range items {
			r.preset(v.Index(i), item)
		}
		return
	case !r.admissible(path, n):
		return
	case isNull(n):
		r.Report(path, "has no value: want a list")
		return
	case n.Kind == yaml.MappingNode:
		r.Report(path, "want a list, not a section: begin each item with -")
		return
	case n.Kind != yaml.SequenceNode:
		r.Report(path, "want a list, not a single value: put it into [ ]")
		return
	case len(n.Content) == 0:
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		if r.full() {
			return
		}
		at := fmt.Sprintf("%s[%d]", path, i)
		r.nodes[at] = item
		if isNull(item) && kindOf(v.Type().Elem()) == sectionKind {
			r.Report(at, "an empty item: want a section with keys")
			continue
		}
		r.value(at, item, v.Index(i), Field{})
	}
}

func (r *Reader) scalar(path string, n *yaml.Node, v reflect.Value, f Field) {
	want := noun(v.Type())
	switch {
	case !r.admissible(path, n):
		return
	case isNull(n):
		r.Report(path, "has no value: want %s", want)
		return
	case n.Kind == yaml.MappingNode:
		r.Report(path, "want %s, not a section", want)
		return
	case n.Kind == yaml.SequenceNode:
		r.Report(path, "want %s, not a list", want)
		return
	}
	if wrong := misread(n, v); wrong != "" {
		r.Report(path, "%s", wrong)
		return
	}
	if err := r.scan(v, n.Value); err != nil {
		r.Report(path, "%v", err)
		return
	}
	if len(f.OneOf) > 0 && !slices.Contains(f.OneOf, n.Value) {
		r.Report(path, "no such choice%s", value.Suggest(n.Value, f.OneOf))
		return
	}
	if bounds := r.outside(v, f); bounds != "" {
		r.Report(path, "out of range (allowed: %s)", bounds)
	}
}

// misread finds values that other YAML readers would understand differently.
func misread(n *yaml.Node, v reflect.Value) string {
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch v.Interface().(type) {
	case bool, int, float64:
		if quoted {
			return fmt.Sprintf("want %s, not text: leave the quotes out", noun(v.Type()))
		}
	case string:
		switch {
		case quoted:
		case n.Tag == "!!bool":
			return "want text, not true or false: put it in quotes"
		case n.Tag == "!!int" || n.Tag == "!!float":
			return "want text, not a number: put it in quotes"
		}
	}
	return ""
}
