// Package amend changes single values of a YAML file and leaves every other byte of it alone: comments, order, quotes, line
// ends. It does not know what the values mean.
//
// Its one invariant: what it returns, read again, is the old file with the edits made and nothing else. If an edit cannot be
// made that way, it is an error and the file stays as it was.
package amend

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// ErrByHand means that a file is written in a way that cannot be changed in place: a person has to edit it.
var ErrByHand = errors.New("it cannot be changed in place")

// Edit gives one place of a file a value.
type Edit struct {
	// Path are the keys that lead there, divided by dots. A number is an item of a list; + is a new one behind its last. What
	// is not there yet is made.
	Path string
	// Value is a string, a bool, a [List] or a [Map].
	Value any
}

// Map is a mapping in the order in which it is to be written.
type Map []Pair

// Pair is one entry of a Map.
type Pair struct {
	Key   string
	Value any
}

// List is a list of values.
type List []any

// Apply makes the edits, one after the other. src is one document whose root is a mapping, or has nothing but comments.
func Apply(src []byte, edits ...Edit) ([]byte, error) {
	for _, e := range edits {
		after, err := apply(src, e)
		if err != nil {
			return nil, fmt.Errorf("set %s: %w", e.Path, err)
		}
		src = after
	}
	return src, nil
}

// Has reports whether a file gives a value at a path.
func Has(src []byte, path string) bool {
	root, err := parse(src)
	if err != nil || root == nil {
		return false
	}
	at, rest := descend(root, strings.Split(path, "."))
	return len(rest) == 0 && at.Tag != "!!null"
}

func apply(src []byte, e Edit) (after []byte, err error) {
	root, err := parse(src)
	if err != nil {
		return nil, err
	}
	before := plain(root)
	keys := strings.Split(e.Path, ".")
	t := newText(src)
	if root == nil {
		t.insert(len(t.lines), block(nested(keys, e.Value), 0))
	} else if err := change(t, root, keys, e.Value); err != nil {
		return nil, err
	}
	after = t.bytes()
	want, err := with(before, keys, e.Value)
	if err != nil {
		return nil, err
	}
	if again, err := parse(after); err != nil || !same(plain(again), want) {
		return nil, ErrByHand
	}
	return after, nil
}

// change writes the edit into the lines.
func change(t *text, root *yaml.Node, keys []string, value any) error {
	at, rest := descend(root, keys)
	ends := map[*yaml.Node]int{}
	bounds(root, len(t.lines), ends)
	switch {
	case len(rest) == 0:
		return t.replace(at, keyOf(root, at), value, ends)
	case at.Kind == yaml.MappingNode && rest[0] != "+":
		return t.add(at, Map{{rest[0], nested(rest[1:], value)}}, ends)
	case at.Kind == yaml.SequenceNode && rest[0] == "+":
		return t.add(at, List{nested(rest[1:], value)}, ends)
	case at.Tag == "!!null":
		return t.replace(at, keyOf(root, at), nested(rest, value), ends)
	}
	return ErrByHand
}

// nested wraps a value into the mappings and lists that lead to it.
func nested(keys []string, value any) any {
	for i := len(keys) - 1; i >= 0; i-- {
		if keys[i] == "+" {
			value = List{value}
		} else {
			value = Map{{keys[i], value}}
		}
	}
	return value
}

// parse gives the root of the document; nil: there is none but comments.
func parse(src []byte) (root *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil { // the library reports its own contradictions so
			err = fmt.Errorf("read yaml: %v", p)
		}
	}()
	loader, err := yaml.NewLoader(bytes.NewReader(bytes.TrimPrefix(src, bom)))
	if err != nil {
		return nil, err
	}
	var document, second yaml.Node
	err = loader.Load(&document)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := loader.Load(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("it is more than one document")
	}
	root = document.Content[0]
	switch {
	case root.Kind == yaml.ScalarNode && root.Tag == "!!null" && root.Value == "":
		return nil, nil
	case root.Kind != yaml.MappingNode:
		return nil, errors.New("it is no mapping")
	}
	return root, nil
}
