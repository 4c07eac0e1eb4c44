package discover

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Pod is as much of a static pod as is needed to know what one program in it was told.
type Pod struct {
	Settings
	// Image of the program's container.
	Image  string
	mounts []mount
}

// mount is a folder of the host, or a file, as the container sees it.
type mount struct{ inside, host string }

// HostPath is where a path in the container is on the host.
func (p Pod) HostPath(name string) string {
	best := mount{}
	for _, m := range p.mounts {
		rest, below := strings.CutPrefix(name, m.inside)
		if below && (rest == "" || rest[0] == '/' || m.inside == "/") && len(m.inside) > len(best.inside) {
			best = m
		}
	}
	if best.host == "" {
		return name
	}
	return path.Join(best.host, strings.TrimPrefix(name, best.inside))
}

// ParsePod reads the manifest of a static pod, and of its containers the one that runs program. The error is a *[Problem].
func ParsePod(file string, text []byte, program string) (Pod, error) {
	root, err := parseYAML(file, text)
	if err != nil {
		return Pod{}, err
	}
	spec := root.field("spec")
	for _, c := range spec.field("containers").items() {
		words, err := c.commandLine()
		if err != nil {
			return Pod{}, err
		}
		runs := len(words) > 0 && path.Base(words[0].Text) == program
		if c.field("name").text() != program && !runs {
			continue
		}
		pod := Pod{Image: c.field("image").text(), Settings: Settings{File: file, Of: Flags(words)}}
		pod.mounts = mountsOf(c, spec.field("volumes"))
		return pod, nil
	}
	return Pod{}, spec.problem("it is no pod with a container that runs %s", program)
}

// commandLine is the command of a container with its arguments; that of a shell is what the shell runs.
func (c node) commandLine() ([]Word, error) {
	var words []Word
	for _, name := range []string{"command", "args"} {
		list := c.field(name)
		if list.absent() {
			continue
		}
		if list.Kind != yaml.SequenceNode {
			return nil, list.problem("%s is no list of words", name)
		}
		for _, item := range list.items() {
			if item.Kind != yaml.ScalarNode {
				return nil, item.problem("a word of %s is no text", name)
			}
			words = append(words, Word{item.Value, item.Line})
		}
	}
	shell := []string{"sh", "bash", "ash", "dash"}
	if len(words) > 2 && slices.Contains(shell, path.Base(words[0].Text)) && words[1].Text == "-c" {
		script := words[2]
		words = nil
		for _, text := range strings.Fields(script.Text) {
			if text != "exec" {
				words = append(words, Word{quotes.Replace(text), script.Line})
			}
		}
	}
	return words, nil
}

var quotes = strings.NewReplacer(`"`, "", `'`, "")

func mountsOf(container, volumes node) []mount {
	hosts := map[string]string{}
	for _, v := range volumes.items() {
		hosts[v.field("name").text()] = v.field("hostPath").field("path").text()
	}
	var mounts []mount
	for _, m := range container.field("volumeMounts").items() {
		inside, host := m.field("mountPath").text(), hosts[m.field("name").text()]
		if path.IsAbs(inside) && path.IsAbs(host) {
			mounts = append(mounts, mount{path.Clean(inside), path.Join(host, m.field("subPath").text())})
		}
	}
	return mounts
}

// pod reads a static pod of this host. errElsewhere: there is none.
func (l *look) pod(file, program string) (Pod, error) {
	text, err := l.read(file)
	if err != nil {
		return Pod{}, err
	}
	return ParsePod(file, text, program)
}

// node is a node of a YAML file, or its absence.
type node struct {
	*yaml.Node
	file string
}

// parseYAML gives the root of the first document.
func parseYAML(file string, text []byte) (root node, err error) {
	defer func() {
		if p := recover(); p != nil { // the library reports its own contradictions so
			err = &Problem{File: file, Message: fmt.Sprintf("read yaml: %v", p)}
		}
	}()
	loader, err := yaml.NewLoader(strings.NewReader(string(text)))
	var document yaml.Node
	if err == nil {
		err = loader.Load(&document)
	}
	if errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return node{}, &Problem{File: file, Message: strings.ReplaceAll(err.Error(), "\n", " ")}
	}
	return node{document.Content[0], file}, nil
}

func (n node) absent() bool { return n.Node == nil }

// field is the value of a key; absent where n is no mapping, or has no such key.
func (n node) field(key string) node {
	if n.Node != nil && n.Kind == yaml.AliasNode {
		n.Node = n.Alias
	}
	if n.Node == nil || n.Kind != yaml.MappingNode {
		return node{file: n.file}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return node{n.Content[i+1], n.file}
		}
	}
	return node{file: n.file}
}

// items are those of a list; none where n is no list.
func (n node) items() []node {
	if n.Node == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	items := make([]node, len(n.Content))
	for i, item := range n.Content {
		items[i] = node{item, n.file}
	}
	return items
}

// text is the value of a scalar, else "".
func (n node) text() string {
	if n.Node == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

func (n node) problem(format string, args ...any) error {
	p := &Problem{File: n.file, Message: fmt.Sprintf(format, args...)}
	if n.Node != nil {
		p.Line = n.Line
	}
	return p
}
