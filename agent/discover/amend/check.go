package amend

import (
	"reflect"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// leaf is a scalar as it reads.
type leaf struct{ tag, value string }

// plain is what a node says, without how it is written: a leaf, a map[string]any or a []any.
func plain(n *yaml.Node) any {
	if n == nil {
		return map[string]any{}
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = plain(item)
		}
		return list
	}
	return leaf{n.Tag, n.Value}
}

// said is what a value of an Edit reads as.
func said(value any) any {
	switch v := value.(type) {
	case bool:
		return leaf{"!!bool", strconv.FormatBool(v)}
	case string:
		return leaf{"!!str", v}
	case Map:
		m := make(map[string]any, len(v))
		for _, p := range v {
			m[p.Key] = said(p.Value)
		}
		return m
	case List:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = said(item)
		}
		return list
	}
	return nil
}

// with returns what a file says once an edit is made.
func with(tree any, keys []string, value any) (any, error) {
	if len(keys) == 0 {
		return said(value), nil
	}
	key := keys[0]
	if l, is := tree.(leaf); is && l.tag == "!!null" || tree == nil {
		return said(nested(keys, value)), nil
	}
	switch t := tree.(type) {
	case map[string]any:
		if key == "+" {
			return nil, ErrByHand
		}
		changed, err := with(t[key], keys[1:], value)
		t[key] = changed
		return t, err
	case []any:
		if key == "+" {
			return append(slices.Clone(t), said(nested(keys[1:], value))), nil
		}
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(t) {
			return nil, ErrByHand
		}
		t[i], err = with(t[i], keys[1:], value)
		return t, err
	}
	return nil, ErrByHand
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }
