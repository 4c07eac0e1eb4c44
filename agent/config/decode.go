package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// decoder walks the fields of a Config and the nodes of a file side by side. It
// goes on after a problem, with the key in question marked as broken.
type decoder struct {
	file     string
	problems []Problem
	nodes    map[string]*yaml.Node // what the file gives, by path
	broken   map[string]bool
	tainted  map[string]bool // has something broken in it
	location *time.Location  // of time_zone, which stands before all schedules
}

// checker is a section with rules that its tags do not express. Its keys are
// filled in when check is called; those that are not [decoder.sound] hold
// nothing that is worth judging.
type checker interface {
	check(d *decoder, path string)
}

func decode(file string, root *yaml.Node) (*Config, []Problem) {
	d := &decoder{
		file:     file,
		nodes:    map[string]*yaml.Node{},
		broken:   map[string]bool{},
		tainted:  map[string]bool{},
		location: time.UTC,
	}
	d.nodes[""] = root
	c := new(Config)
	d.section("", root, reflect.ValueOf(c).Elem())
	return c, d.problems
}

// report notes a problem with the key at path, at its value or, where the file
// does not give one, at the section it is missing from.
func (d *decoder) report(path, format string, args ...any) {
	d.broken[path] = true
	var place *yaml.Node
	for p, more := path, true; more; p, more = parent(p) {
		d.tainted[p] = true
		if place == nil {
			place = d.nodes[p]
		}
	}
	d.add(place.Line, place.Column, path, fmt.Sprintf(format, args...))
}

// maxProblems is more than anybody reads; a file beyond it is none of ours.
const maxProblems = 1000

// add keeps one place for saying that the list is not complete.
func (d *decoder) add(line, col int, path, message string) {
	switch len(d.problems) {
	case maxProblems:
		return
	case maxProblems - 1:
		line, col, path, message = 1, 1, "", "too many problems: not all of them are listed"
	}
	d.problems = append(d.problems, Problem{File: d.file, Line: line, Col: col, Path: path, Message: message})
}

// full says that nothing more would be heard.
func (d *decoder) full() bool { return len(d.problems) == maxProblems }

// given says that the file itself has the key.
func (d *decoder) given(path string) bool { return d.nodes[path] != nil }

// sound says that nothing was wrong with the key, nor with what it lies in.
func (d *decoder) sound(path string) bool {
	for p, more := path, true; more; p, more = parent(p) {
		if d.broken[p] {
			return false
		}
	}
	return true
}

// clean says that nothing was wrong with the section nor with anything in it.
func (d *decoder) clean(path string) bool {
	return !d.tainted[path] && d.sound(path)
}

// parent of stores[0].name is stores[0], of stores[0] is stores, of stores is
// the empty path of the file, which has none.
func parent(path string) (up string, ok bool) {
	if path == "" {
		return "", false
	}
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i], true
	}
	return "", true
}

func child(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// section fills the struct v from the mapping n; nil stands for one that the
// file does not have.
func (d *decoder) section(path string, n *yaml.Node, v reflect.Value) {
	fields := fieldsOf(v.Type())
	entries, ok := d.entries(path, n, fields)
	if !ok {
		return
	}
	for _, f := range fields {
		at := child(path, f.key)
		given := entries[f.key]
		if given != nil {
			d.nodes[at] = given
		}
		d.value(at, given, v.Field(f.index), f)
	}
	if c, ok := v.Addr().Interface().(checker); ok {
		c.check(d, path)
	}
}

// entries are the values of the mapping n by key. False means that n is none.
func (d *decoder) entries(path string, n *yaml.Node, fields []field) (map[string]*yaml.Node, bool) {
	switch {
	case n == nil:
		return nil, true
	case !d.admissible(path, n):
		return nil, false
	case isNull(n):
		return nil, true
	case n.Kind == yaml.SequenceNode:
		d.report(path, "want a section with keys, not a list")
		return nil, false
	case n.Kind != yaml.MappingNode:
		d.report(path, "want a section with keys, not a single value%s", missingSpace(n.Value))
		return nil, false
	}
	entries := map[string]*yaml.Node{}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content) && !d.full(); i += 2 {
		key := n.Content[i]
		at, wrong := d.key(path, key, lines, fields)
		if wrong != "" {
			d.add(key.Line, key.Column, at, wrong)
			continue
		}
		entries[key.Value] = n.Content[i+1]
	}
	return entries, true
}

var printableKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

// key judges one key of a mapping. lines are those of the keys before it.
func (d *decoder) key(path string, key *yaml.Node, lines map[string]int, fields []field) (at, wrong string) {
	switch {
	case refusal(key) != "":
		return path, refusal(key)
	case key.Kind != yaml.ScalarNode:
		return path, "a key is one word, not a list and not a section"
	case key.Tag == "!!merge":
		return path, "a merge key (<<) is not allowed: write the keys out"
	}
	at = path
	if printableKey.MatchString(key.Value) && !holdsSecretKey(key.Value) {
		at = child(path, key.Value)
	}
	if first, twice := lines[key.Value]; twice {
		return at, fmt.Sprintf("given twice: first on line %d", first)
	}
	lines[key.Value] = key.Line
	names := make([]string, len(fields))
	for i, f := range fields {
		if names[i] = f.key; f.key == key.Value {
			return at, ""
		}
	}
	return at, "unknown key" + missingSpace(key.Value) + secretKey(key.Value) + suggest(key.Value, names, elsewhere)
}

// admissible refuses what makes a file mean something else than it seems to.
func (d *decoder) admissible(path string, n *yaml.Node) bool {
	if r := refusal(n); r != "" {
		d.report(path, "%s", r)
		return false
	}
	return true
}

func refusal(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.AliasNode:
		return "an alias (*) is not allowed: write the value out, or quote it"
	case n.Anchor != "":
		return "an anchor (&) is not allowed: leave it out, or quote the value"
	case n.Style&yaml.TaggedStyle != 0 || n.Tag == "!":
		return "a tag (!) is not allowed: leave it out, or quote the value"
	}
	return ""
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}
