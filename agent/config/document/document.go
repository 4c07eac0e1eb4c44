// Package document reads one YAML file into a struct that describes it, strictly
// and with every mistake reported at once, and writes the struct as YAML and as a
// JSON Schema.
//
// It does not know what the keys mean. A section that has rules of its own is a
// [Checker].
//
// Its one invariant: what [Read] returns is complete and has passed every check.
//
// A key is one struct field. Its tags say everything that Read, [YAML], [Schema] and
// [Keys] have to know about it:
//
//	key      the name in the file
//	default  the value if the file does not give one, written as in the file;
//	         a comma separates the items of a list
//	need     "yes" if the file has to give it
//	oneof    the allowed values, separated by spaces
//	min max  bounds of a number, a duration or a size, both included
//	below    the upper bound of a number, not included
//	secret   "yes" if no output may repeat the value
package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	// MaxSize is the largest file that is read, in bytes: far above any real configuration, and still small
	// enough to read without harm to the host.
	MaxSize = 1 << 20
	// maxDepth is four times the depth of the deepest key.
	maxDepth = 16
)

var bom = []byte("\xef\xbb\xbf")

// Read reads the only document of src into a T, and fills in the defaults. The error is
// always an *[Invalid]; name stands for the file in its messages.
func Read[T any](name string, src []byte) (*T, error) {
	into := new(T)
	v := reflect.ValueOf(into).Elem()
	root, problems := parse(name, src, v.Type())
	if len(problems) == 0 {
		problems = fill(name, root, v)
	}
	if len(problems) > 0 {
		return nil, invalid(problems)
	}
	return into, nil
}

// parse returns the root of the only document in src, or the problem that makes src unreadable as a whole.
func parse(name string, src []byte, top reflect.Type) (*yaml.Node, []Problem) {
	one := func(line, col int, message string) (*yaml.Node, []Problem) {
		return nil, []Problem{{File: name, Line: line, Col: col, Message: message}}
	}
	if len(src) > MaxSize {
		return one(1, 1, "the file is larger than 1 MiB")
	}
	src = bytes.TrimPrefix(src, bom)
	if at, message := unreadable(src); message != "" {
		line, col := position(src, at)
		return one(line, col, message)
	}
	docs, err := load(src)
	if err != nil {
		line, col, message := syntax(src, err)
		return one(line, col, message)
	}
	empty := "nothing is configured: " + strings.Join(needed("", top), " and ") + " are needed; etcdward setup writes them for this host"
	switch {
	case len(docs) == 0:
		return one(1, 1, empty)
	case len(docs) > 1:
		return one(docs[1].Line, docs[1].Column,
			"a second document begins here; the configuration is one document")
	}
	root := docs[0].Content[0]
	if isNull(root) && refusal(root) == "" {
		return one(root.Line, root.Column, empty)
	}
	if deep := tooDeep(root, maxDepth); deep != nil {
		return one(deep.Line, deep.Column, fmt.Sprintf("nested deeper than %d levels", maxDepth))
	}
	return root, nil
}

// load returns up to two documents. The second one only serves to refuse the file.
func load(src []byte) (docs []*yaml.Node, err error) {
	// The file is untrusted, and the library panics on contradictions inside it.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read yaml: %v", p)
		}
	}()
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	if err != nil {
		return nil, err
	}
	for len(docs) < 2 {
		doc := new(yaml.Node)
		if err := loader.Load(doc); errors.Is(err, io.EOF) {
			return docs, nil
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// unreadable finds the first byte of src that does not belong in a text file.
func unreadable(src []byte) (offset int, message string) {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return i, "the file is not UTF-8 from here on"
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r == 0x7f, r == 0xfffe, r == 0xffff:
			return i, fmt.Sprintf("a control character (U+%04X) stands here", r)
		}
		i += n
	}
	return 0, ""
}

// position turns an offset into a line and a column, both from 1.
func position(src []byte, offset int) (line, col int) {
	head := src[:offset]
	line = 1 + bytes.Count(head, []byte("\n"))
	col = 1 + utf8.RuneCount(head[bytes.LastIndexByte(head, '\n')+1:])
	return line, col
}

func tooDeep(n *yaml.Node, levels int) *yaml.Node {
	if levels == 0 {
		return n
	}
	for _, Child := range n.Content {
		if deep := tooDeep(Child, levels-1); deep != nil {
			return deep
		}
	}
	return nil
}
