package config

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"
)

// YAML is the effective configuration with every key. [Parse] reads it back to
// an equal Config, unless a secret is set: that is printed as <secret>, which
// Parse refuses, so that nobody installs the printed file as the real one.
func (c *Config) YAML() []byte {
	var b bytes.Buffer
	dumper, err := yaml.NewDumper(&b, yaml.WithLineWidth(-1), yaml.WithCompactSeqIndent(false))
	if err == nil {
		err = dumper.Dump(mapping(reflect.ValueOf(c).Elem()))
	}
	if err == nil {
		err = dumper.Close()
	}
	if err != nil {
		// Only a node that mapping built wrongly gets here.
		panic(fmt.Sprintf("config: show: %v", err))
	}
	return b.Bytes()
}

func mapping(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range fieldsOf(v.Type()) {
		value := v.Field(f.index)
		if value.Kind() == reflect.Pointer {
			if value.IsNil() {
				continue
			}
			value = value.Elem()
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: f.key}, shown(value, f))
	}
	if len(n.Content) == 0 {
		n.Style = yaml.FlowStyle
	}
	return n
}

func shown(v reflect.Value, f field) *yaml.Node {
	switch {
	case v.Kind() == reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			n.Content = append(n.Content, shown(v.Index(i), field{}))
		}
		if len(n.Content) == 0 {
			n.Style = yaml.FlowStyle
		}
		return n
	case isSection(v.Type()):
		return mapping(v)
	}
	value, quotable := text(v)
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: value}
	if f.secret && n.Value != "" {
		n.Value = hidden
	}
	if quotable {
		n.Tag = "!!str"
		if !needsNoQuotes.MatchString(n.Value) || reserved.MatchString(n.Value) {
			n.Style = yaml.DoubleQuotedStyle
		}
	}
	return n
}

var (
	needsNoQuotes = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*$`)
	reserved      = regexp.MustCompile(`^(?i:true|false|yes|no|on|y|n|null)$`)
)

// text is how a value stands in the file, and whether it may be quoted there.
func text(v reflect.Value) (s string, quotable bool) {
	switch x := v.Interface().(type) {
	case bool:
		return strconv.FormatBool(x), false
	case int:
		return strconv.Itoa(x), false
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), false
	case time.Duration:
		return formatDuration(x), false
	case Size:
		return x.String(), false
	case Schedule:
		return x.String(), true
	case TimeZone:
		return x.Name, true
	default:
		return v.String(), true
	}
}
