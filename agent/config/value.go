package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// value fills v from n, or from the default where n is nil.
func (d *decoder) value(path string, n *yaml.Node, v reflect.Value, f field) {
	if n == nil && f.need {
		d.report(path, "is missing and has no default")
		return
	}
	switch kindOf(v.Type()) {
	case listKind:
		d.list(path, n, v, f)
	case sectionKind:
		d.section(path, n, v)
	case choiceKind:
		if n != nil {
			v.Set(reflect.New(v.Type().Elem()))
			d.section(path, n, v.Elem())
		}
	case optionalKind:
		if n != nil {
			v.Set(reflect.New(v.Type().Elem()))
			d.scalar(path, n, v.Elem(), f)
		}
	default:
		if n == nil {
			d.preset(v, f.def)
			return
		}
		d.scalar(path, n, v, f)
	}
}

// preset sets v to a default, which stands in a tag as it would in the file.
func (d *decoder) preset(v reflect.Value, s string) {
	if err := d.scan(v, s); err != nil {
		panic(fmt.Sprintf("config: default %q: %v", s, err))
	}
}

func (d *decoder) list(path string, n *yaml.Node, v reflect.Value, f field) {
	switch {
	case n == nil:
		if f.def == "" {
			return
		}
		items := strings.Split(f.def, ",")
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i, item := range items {
			d.preset(v.Index(i), item)
		}
		return
	case !d.admissible(path, n):
		return
	case isNull(n):
		d.report(path, "has no value: want a list")
		return
	case n.Kind == yaml.MappingNode:
		d.report(path, "want a list, not a section: begin each item with -")
		return
	case n.Kind != yaml.SequenceNode:
		d.report(path, "want a list, not a single value: put it into [ ]")
		return
	case len(n.Content) == 0:
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		if d.full() {
			return
		}
		at := fmt.Sprintf("%s[%d]", path, i)
		d.nodes[at] = item
		if isNull(item) && kindOf(v.Type().Elem()) == sectionKind {
			d.report(at, "an empty item: want a section with keys")
			continue
		}
		d.value(at, item, v.Index(i), field{})
	}
}

func (d *decoder) scalar(path string, n *yaml.Node, v reflect.Value, f field) {
	want := noun(v.Type())
	switch {
	case !d.admissible(path, n):
		return
	case isNull(n):
		d.report(path, "has no value: want %s", want)
		return
	case n.Kind == yaml.MappingNode:
		d.report(path, "want %s, not a section", want)
		return
	case n.Kind == yaml.SequenceNode:
		d.report(path, "want %s, not a list", want)
		return
	}
	if wrong := misread(n, v); wrong != "" {
		d.report(path, "%s", wrong)
		return
	}
	if err := d.scan(v, n.Value); err != nil {
		d.report(path, "%v", err)
		return
	}
	if len(f.oneof) > 0 && !slices.Contains(f.oneof, n.Value) {
		d.report(path, "no such choice%s", suggest(n.Value, f.oneof))
		return
	}
	if bounds := d.outside(v, f); bounds != "" {
		d.report(path, "out of range (allowed: %s)", bounds)
	}
}

// misread finds values that this file and another reader of YAML would take for
// different things.
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
