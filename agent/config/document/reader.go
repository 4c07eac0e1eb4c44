package document

import (
	"fmt"
	"reflect"
	"regexp"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/etcdward/etcdward/agent/config/value"
)

// Reader walks the fields of a struct and the nodes of a file side by side. After
// a problem it marks the key as broken and continues.
type Reader struct {
	file     string
	top      reflect.Type // of the whole file
	problems []Problem
	nodes    map[string]*yaml.Node // what the file gives, by path
	broken   map[string]bool
	tainted  map[string]bool // something below it is broken
	location *time.Location  // from time_zone, which is read before all schedules
}

// Checker is a section with rules that its tags do not express. Its keys are filled in when Check is called;
// those that are not [Reader.Sound] hold no value that can be judged.
type Checker interface {
	Check(r *Reader, path string)
}

// fill reads root into the section that v is.
func fill(file string, root *yaml.Node, v reflect.Value) []Problem {
	r := &Reader{
		file:     file,
		top:      v.Type(),
		nodes:    map[string]*yaml.Node{},
		broken:   map[string]bool{},
		tainted:  map[string]bool{},
		location: time.UTC,
	}
	r.nodes[""] = root
	r.section("", root, v)
	return r.problems
}

// Report notes a problem with the key at path, at its value or, if the file does not give one, at the section
// that lacks it.
func (r *Reader) Report(path, format string, args ...any) {
	r.broken[path] = true
	var place *yaml.Node
	for p, more := path, true; more; p, more = parent(p) {
		r.tainted[p] = true
		if place == nil {
			place = r.nodes[p]
		}
	}
	r.add(place.Line, place.Column, path, fmt.Sprintf(format, args...))
}

// Judge reports the objection of check to a value, if the value could be read.
func (r *Reader) Judge(path, value string, check func(string) error) {
	if !r.Sound(path) {
		return
	}
	if err := check(value); err != nil {
		r.Report(path, "%v", err)
	}
}

// MaxProblems is more than anybody reads. A file with more problems is not one of ours.
const MaxProblems = 1000

// add notes a problem. The last place of the list is reserved for the note that the list is incomplete.
func (r *Reader) add(line, col int, path, message string) {
	switch len(r.problems) {
	case MaxProblems:
		return
	case MaxProblems - 1:
		line, col, path, message = 1, 1, "", "too many problems: not all of them are listed"
	}
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Col: col, Path: path, Message: message})
}

// full reports whether no further problem would be noted.
func (r *Reader) full() bool { return len(r.problems) == MaxProblems }

// section fills the struct v from the mapping n; nil stands for one that the
// file does not have.
func (r *Reader) section(path string, n *yaml.Node, v reflect.Value) {
	fields := Fields(v.Type())
	entries, ok := r.entries(path, n, fields)
	if !ok {
		return
	}
	for _, f := range fields {
		at := Child(path, f.Key)
		given := entries[f.Key]
		if given != nil {
			r.nodes[at] = given
		}
		r.value(at, given, v.Field(f.Index), f)
	}
	if c, ok := v.Addr().Interface().(Checker); ok {
		c.Check(r, path)
	}
}

// entries are the values of the mapping n by key. False means that n is not a mapping.
func (r *Reader) entries(path string, n *yaml.Node, fields []Field) (map[string]*yaml.Node, bool) {
	switch {
	case n == nil:
		return nil, true
	case !r.admissible(path, n):
		return nil, false
	case isNull(n):
		return nil, true
	case n.Kind == yaml.SequenceNode:
		r.Report(path, "want a section with keys, not a list")
		return nil, false
	case n.Kind != yaml.MappingNode:
		r.Report(path, "want a section with keys, not a single value%s", missingSpace(n.Value))
		return nil, false
	}
	entries := map[string]*yaml.Node{}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content) && !r.full(); i += 2 {
		key := n.Content[i]
		at, wrong := r.key(path, key, lines, fields)
		if wrong != "" {
			r.add(key.Line, key.Column, at, wrong)
			continue
		}
		entries[key.Value] = n.Content[i+1]
	}
	return entries, true
}

var printableKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

// key judges one key of a mapping. lines are those of the keys before it.
func (r *Reader) key(path string, key *yaml.Node, lines map[string]int, fields []Field) (at, wrong string) {
	switch {
	case refusal(key) != "":
		return path, refusal(key)
	case key.Kind != yaml.ScalarNode:
		return path, "a key is one word, not a list and not a section"
	case key.Tag == "!!merge":
		return path, "a merge key (<<) is not allowed: write the keys out"
	}
	at = path
	if printableKey.MatchString(key.Value) && !value.HoldsSecretKey(key.Value) {
		at = Child(path, key.Value)
	}
	if first, twice := lines[key.Value]; twice {
		return at, fmt.Sprintf("given twice: first on line %d", first)
	}
	lines[key.Value] = key.Line
	names := make([]string, len(fields))
	for i, f := range fields {
		if names[i] = f.Key; f.Key == key.Value {
			return at, ""
		}
	}
	return at, "unknown key" + missingSpace(key.Value) + secretKey(key.Value) + value.Suggest(key.Value, names, r.elsewhere)
}

// admissible refuses whatever makes a file mean something other than it seems to mean.
func (r *Reader) admissible(path string, n *yaml.Node) bool {
	if why := refusal(n); why != "" {
		r.Report(path, "%s", why)
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
