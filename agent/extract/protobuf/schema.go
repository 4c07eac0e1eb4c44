package protobuf

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
)

// schemaText lists every kind that Kubernetes stores as protobuf, with the number and the JSON name of each field. The Go types
// themselves would cost the daemon, which never looks into an object, more memory than everything else that it holds; a text
// costs none until it is read. Its lines are "kind APIVERSION KIND TYPE SINCE UNTIL", "type TYPE", and for each field of the
// latter "NUMBER NAME [* | [] | map:]TYPE [omitempty] [omitzero]". SINCE and UNTIL are the minor releases 1.N that serve the kind
// first and no longer, 0 if unknown or never. The name "." means that the fields of the type are those of the parent, and * that
// absence differs from the zero value.
//
//go:embed schema.txt
var schemaText string

// schema is schemaText, parsed.
type schema struct {
	kinds map[string]*message // by "apiVersion kind"
	lives map[string]life     // likewise
}

// life is the range of minor releases that serve a kind: from since up to, and without, until.
type life struct{ since, until int }

// message is a type with fields.
type message struct {
	name   string
	fields []*field
	number map[protowire.Number]*field
}

// How many values a field may have.
const (
	once     = iota // absent: the zero value
	optional        // absent: null
	list
	mapping // by strings
)

// field is one field of a message.
type field struct {
	number    protowire.Number
	name      string // in JSON; ".": the fields of of belong to the parent
	shape     int
	scalar    string   // the name of the type, where it is no message
	of        *message // or the message
	omitEmpty bool
	omitZero  bool
}

// kubernetes is the schema, which is read when the first object is decoded. An error is a fault of this package.
var kubernetes = sync.OnceValues(func() (schema, error) { return readSchema(schemaText) })

func readSchema(text string) (schema, error) {
	s := schema{kinds: map[string]*message{}, lives: map[string]life{}}
	types := map[string]*message{}
	typeOf := func(name string) *message {
		if types[name] == nil {
			types[name] = &message{name: name, number: map[protowire.Number]*field{}}
		}
		return types[name]
	}
	var current *message
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(line, "#"):
		case words[0] == "kind" && len(words) == 6:
			since, err := strconv.Atoi(words[4])
			until, also := strconv.Atoi(words[5])
			if err := errors.Join(err, also); err != nil {
				return s, fmt.Errorf("read schema: line %q: %w", line, err)
			}
			s.kinds[words[1]+" "+words[2]] = typeOf(words[3])
			s.lives[words[1]+" "+words[2]] = life{since, until}
		case words[0] == "type" && len(words) == 2:
			current = typeOf(words[1])
		case current == nil || len(words) < 3:
			return s, fmt.Errorf("read schema: line %q", line)
		default:
			f, err := readField(words, typeOf)
			if err != nil {
				return s, fmt.Errorf("read schema: line %q: %w", line, err)
			}
			current.fields = append(current.fields, f)
			current.number[f.number] = f
		}
	}
	return s, nil
}

func readField(words []string, typeOf func(string) *message) (*field, error) {
	number, err := strconv.ParseInt(words[0], 10, 32)
	if err != nil {
		return nil, err
	}
	f := &field{number: protowire.Number(number), name: words[1]}
	name := words[2]
	for prefix, shape := range map[string]int{"*": optional, "[]": list, "map:": mapping} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name, f.shape = rest, shape
			break
		}
	}
	if strings.Contains(name, ".") {
		f.of = typeOf(name)
	} else {
		f.scalar = name
	}
	for _, flag := range words[3:] {
		f.omitEmpty = f.omitEmpty || flag == "omitempty"
		f.omitZero = f.omitZero || flag == "omitzero"
	}
	return f, nil
}
