package staticpod

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/hostfile"
)

// Program is a program of a pod, and what it was told.
type Program struct {
	hostfile.Settings
	// Image of its container.
	Image  string
	mounts []mount
}

// Running finds a program in the pod. found is false if no container runs it, as far as can be seen. The error, a *hostfile.Problem, means that
// it is there and cannot be understood: a script that is not in the manifest starts it, or more than one container does.
// Its environment counts where it has no flag, by the prefix of its names; "": it takes nothing from there.
func (m Manifest) Running(program, prefix string) (p Program, found bool, err error) {
	if !m.isPod() {
		return p, false, nil
	}
	var all []Program
	for _, c := range m.containers() {
		p, runs, err := c.running(program, prefix)
		if err != nil {
			return p, true, err
		}
		if runs {
			all = append(all, p)
		}
	}
	switch len(all) {
	case 0:
		return p, false, nil
	case 1:
		return all[0], true, nil
	}
	return p, true, m.root.Field("spec").Field("containers").Problem("%d containers run %s, and one is expected", len(all), program)
}

// container of a pod.
type container struct {
	hostfile.Node
	pod Manifest
}

// running is what the container's program was told, if it is the one.
func (c container) running(program, prefix string) (p Program, runs bool, err error) {
	env, unseen := c.environment()
	words, err := c.words(env)
	if err != nil {
		if c.called(program) {
			return p, true, err
		}
		return p, false, nil
	}
	p = Program{Image: c.Field("image").Text(), mounts: c.mounts()}
	scope := hostfile.Scope{Env: env}
	if c.pod.root.Field("spec").Field("hostNetwork").Text() == "true" {
		scope.Hostname = c.pod.node
	}
	if len(words) == 0 || strings.HasPrefix(words[0].Text, "-") {
		// The image starts it.
		if !c.called(program) {
			return p, false, nil
		}
		words = slices.Insert(words, 0, hostfile.Word{Text: program})
	}
	commands, unread := hostfile.Commands(words, program, scope)
	switch {
	case len(commands) == 0 && c.called(program):
		return p, true, c.problem("it runs %s by what cannot be read here: %s", program, strings.Join(unread, "; "))
	case len(commands) == 0:
		return p, false, nil
	case len(commands) > 1:
		return p, true, c.problem("it starts %s in %d places, and which one counts cannot be read here", program, len(commands))
	}
	p.Settings = commands[0].Settings(c.pod.File, prefix)
	if prefix != "" {
		p.Unseen = append(p.Unseen, unseen...)
	}
	return p, true, nil
}

// called reports whether the container, or its image, has the name of a program.
func (c container) called(program string) bool {
	image, _, _ := strings.Cut(path.Base(c.Field("image").Text()), "@")
	image, _, _ = strings.Cut(image, ":")
	return c.Field("name").Text() == program || image == program
}

// problem is at the container's command.
func (c container) problem(format string, args ...any) error {
	for _, name := range []string{"command", "args"} {
		if n := c.Field(name); !n.Absent() {
			return n.Problem(format, args...)
		}
	}
	return c.Node.Problem(format, args...)
}

// words of the command and its arguments, with $(NAME) put in.
func (c container) words(env map[string]hostfile.Setting) ([]hostfile.Word, error) {
	var words []hostfile.Word
	for _, name := range []string{"command", "args"} {
		list := c.Field(name)
		if list.Absent() || list.IsScalar() && list.Text() == "" {
			continue
		}
		if !list.IsList() {
			return nil, list.Problem("%s is no list of words", name)
		}
		for _, item := range list.Items() {
			if !item.IsScalar() {
				return nil, item.Problem("a word of %s is no text", name)
			}
			w := item.Word()
			w.Text, w.Unresolved = fill(w.Text, env)
			words = append(words, w)
		}
	}
	return words, nil
}

// environment of the container. unseen are the places that may give more.
func (c container) environment() (env map[string]hostfile.Setting, unseen []string) {
	env = map[string]hostfile.Setting{}
	for _, e := range c.Field("envFrom").Items() {
		unseen = append(unseen, fmt.Sprintf("line %d: envFrom", e.Line()))
	}
	for _, e := range c.Field("env").Items() {
		name := e.Field("name").Text()
		set := hostfile.Setting{Name: name, Line: e.Line()}
		if from := e.Field("valueFrom"); !from.Absent() {
			set.Value, set.Unresolved = c.downward(from)
		} else {
			set.Value, set.Unresolved = fill(e.Field("value").Text(), env)
		}
		env[name] = set
	}
	return env, unseen
}

// downward gives what the kubelet puts in for a field of the pod.
func (c container) downward(from hostfile.Node) (value string, unresolved bool) {
	field := from.Field("fieldRef").Field("fieldPath").Text()
	metadata := c.pod.root.Field("metadata")
	switch {
	case field == "spec.nodeName":
		value = c.pod.node
	case field == "metadata.name" && c.pod.node != "" && metadata.Field("name").Text() != "":
		value = metadata.Field("name").Text() + "-" + c.pod.node
	case field == "metadata.namespace":
		if value = metadata.Field("namespace").Text(); value == "" {
			value = "default"
		}
	case strings.HasPrefix(field, "metadata.labels[") || strings.HasPrefix(field, "metadata.annotations["):
		kind, _, _ := strings.Cut(strings.TrimPrefix(field, "metadata."), "[")
		_, quoted, _ := strings.Cut(field, "[")
		value = metadata.Field(kind).Field(strings.Trim(quoted, "[]'\"")).Text()
	}
	if value == "" {
		return "(" + field + ")", true
	}
	return value, false
}

// fill replaces $(NAME) as the kubelet does: $$ is a dollar. An unknown variable stays as it is written, and is reported as
// unresolved.
func fill(text string, env map[string]hostfile.Setting) (filled string, unresolved bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "$$"):
			b.WriteByte('$')
			i++
		case strings.HasPrefix(text[i:], "$("):
			end := strings.IndexByte(text[i:], ')')
			if end < 0 {
				b.WriteString(text[i:])
				return b.String(), unresolved
			}
			set, known := env[text[i+2:i+end]]
			if known && !set.Unresolved {
				b.WriteString(set.Value)
			} else {
				b.WriteString(text[i : i+end+1])
				unresolved = true
			}
			i += end
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String(), unresolved
}
