package hostfile

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Node is a node of a YAML file, or its absence.
type Node struct {
	node *yaml.Node
	file string
}

// ParseYAML returns the root of the first document; an absent Node if the file has nothing but comments. more reports whether another
// document follows. JSON is read as well. The error is a *[Problem].
func ParseYAML(file string, text []byte) (root Node, more bool, err error) {
	defer func() {
		if p := recover(); p != nil { // the library reports its own contradictions so
			err = &Problem{File: file, Message: fmt.Sprintf("read yaml: %v", p)}
		}
	}()
	content := strings.TrimPrefix(string(text), "\ufeff")
	if strings.HasPrefix(strings.TrimSpace(content), "{") {
		content = strings.ReplaceAll(content, "\t", " ") // JSON takes tabs between its words, YAML does not
	}
	loader, err := yaml.NewLoader(strings.NewReader(content))
	var document, second yaml.Node
	if err == nil {
		err = loader.Load(&document)
	}
	if errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		return Node{file: file}, false, nil
	}
	if err != nil {
		return Node{}, false, &Problem{File: file, Message: strings.ReplaceAll(err.Error(), "\n", " ")}
	}
	root = Node{document.Content[0], file}
	if root.node.Kind == yaml.ScalarNode && root.node.Tag == "!!null" {
		root.node = nil
	}
	more = !errors.Is(loader.Load(&second), io.EOF)
	return root, more, nil
}

// Absent reports whether there is no such node.
func (n Node) Absent() bool { return n.node == nil }

// Line of the node; 0 if it is absent.
func (n Node) Line() int {
	if n.node == nil {
		return 0
	}
	return n.node.Line
}

// IsMapping and IsList report the node's kind.
func (n Node) IsMapping() bool { return n.resolved() != nil && n.resolved().Kind == yaml.MappingNode }

// IsList reports whether the node is a list.
func (n Node) IsList() bool { return n.resolved() != nil && n.resolved().Kind == yaml.SequenceNode }

// IsScalar reports whether the node is one value.
func (n Node) IsScalar() bool { return n.resolved() != nil && n.resolved().Kind == yaml.ScalarNode }

// resolved follows an alias. What leads in a circle is cut off by the library.
func (n Node) resolved() *yaml.Node {
	if n.node != nil && n.node.Kind == yaml.AliasNode {
		return n.node.Alias
	}
	return n.node
}

// Field is the value of a key; absent if n is no mapping, or has no such key.
func (n Node) Field(key string) Node {
	m := n.resolved()
	if m == nil || m.Kind != yaml.MappingNode {
		return Node{file: n.file}
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return Node{m.Content[i+1], n.file}
		}
	}
	return Node{file: n.file}
}

// Entry is a key of a mapping with its value.
type Entry struct {
	Key   string
	Value Node
}

// Entries are those of a mapping, in order; none if n is no mapping.
func (n Node) Entries() []Entry {
	if !n.IsMapping() {
		return nil
	}
	m := n.resolved()
	var entries []Entry
	for i := 0; i+1 < len(m.Content); i += 2 {
		entries = append(entries, Entry{m.Content[i].Value, Node{m.Content[i+1], n.file}})
	}
	return entries
}

// Items are those of a list; none if n is no list.
func (n Node) Items() []Node {
	if !n.IsList() {
		return nil
	}
	list := n.resolved()
	items := make([]Node, len(list.Content))
	for i, item := range list.Content {
		items[i] = Node{item, n.file}
	}
	return items
}

// Text is the value of a scalar, else "".
func (n Node) Text() string {
	s := n.resolved()
	if s == nil || s.Kind != yaml.ScalarNode || s.Tag == "!!null" {
		return ""
	}
	return s.Value
}

// Word is the scalar as a word of a command line. The lines of a block of text count from the one below the key.
func (n Node) Word() Word {
	w := Word{Text: n.Text(), Line: n.Line()}
	if s := n.resolved(); s != nil && s.Style&yaml.LiteralStyle != 0 {
		w.Line, w.Block = w.Line+1, true
	}
	return w
}

// Problem is what is wrong with this node.
func (n Node) Problem(format string, args ...any) error {
	return &Problem{File: n.file, Line: n.Line(), Message: fmt.Sprintf(format, args...)}
}
