package document

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"github.com/etcdward/etcdward/agent/config/value"
	"go.yaml.in/yaml/v4"
)

// Hidden is printed in place of a secret.
const Hidden = "<secret>"

// YAML is a struct as the text of its file, with every key. [Read] reads it back to an
// equal struct, unless a secret is set: that is printed as [Hidden].
func YAML(section any) []byte {
	var b bytes.Buffer
	dumper, err := yaml.NewDumper(&b, yaml.WithLineWidth(-1), yaml.WithCompactSeqIndent(false))
	if err == nil {
		err = dumper.Dump(mapping(reflect.ValueOf(section).Elem()))
	}
	if err == nil {
		err = dumper.Close()
	}
	if err != nil {
		// Only a node that mapping built wrongly can fail to encode.
		panic(fmt.Sprintf("document: write: %v", err))
	}
	return b.Bytes()
}

func mapping(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range Fields(v.Type()) {
		field := v.Field(f.Index)
		if field.Kind() == reflect.Pointer {
			if field.IsNil() {
				continue
			}
			field = field.Elem()
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: f.Key}, shown(field, f))
	}
	if len(n.Content) == 0 {
		n.Style = yaml.FlowStyle
	}
	return n
}

func shown(v reflect.Value, f Field) *yaml.Node {
	switch {
	case v.Kind() == reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			n.Content = append(n.Content, shown(v.Index(i), Field{}))
		}
		if len(n.Content) == 0 {
			n.Style = yaml.FlowStyle
		}
		return n
	case IsSection(v.Type()):
		return mapping(v)
	}
	s, quotable := Text(v)
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: s}
	if f.Secret && n.Value != "" {
		n.Value = Hidden
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

// Text returns a value as it is written in the file, and whether it may be quoted there.
func Text(v reflect.Value) (s string, quotable bool) {
	switch x := v.Interface().(type) {
	case bool:
		return strconv.FormatBool(x), false
	case int:
		return strconv.Itoa(x), false
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), false
	case time.Duration:
		return value.FormatDuration(x), false
	case value.Size:
		return x.String(), false
	case value.Schedule:
		return x.String(), true
	case value.TimeZone:
		return x.Name, true
	default:
		return v.String(), true
	}
}
