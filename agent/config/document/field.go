package document

import (
	"reflect"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/config/value"
)

// Field is one key, as the tags of its struct field describe it.
type Field struct {
	Index           int // of the field in the struct
	Key             string
	Default         string
	Need, Secret    bool
	OneOf           []string
	Min, Max, Below string
}

// Fields are the keys of a section, in the order of the file.
func Fields(t reflect.Type) []Field {
	fields := make([]Field, t.NumField())
	for i := range fields {
		tag := t.Field(i).Tag
		fields[i] = Field{
			Index:   i,
			Key:     tag.Get("key"),
			Default: tag.Get("default"),
			Need:    tag.Get("need") == "yes",
			Secret:  tag.Get("secret") == "yes",
			OneOf:   strings.Fields(tag.Get("oneof")),
			Min:     tag.Get("min"),
			Max:     tag.Get("max"),
			Below:   tag.Get("below"),
		}
	}
	return fields
}

// kind is the form that a Go type has in the file.
type kind int

const (
	scalarKind   kind = iota
	optionalKind      // a scalar that may be left out and then is nil
	sectionKind
	choiceKind // a section that may be left out and then is nil
	listKind
)

func kindOf(t reflect.Type) kind {
	switch {
	case t.Kind() == reflect.Slice:
		return listKind
	case t.Kind() == reflect.Pointer && IsSection(t.Elem()):
		return choiceKind
	case t.Kind() == reflect.Pointer:
		return optionalKind
	case IsSection(t):
		return sectionKind
	default:
		return scalarKind
	}
}

// IsSection reports whether a type is a section, as opposed to a struct that is read from one scalar.
func IsSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[value.TimeZone]() && t != reflect.TypeFor[value.Schedule]()
}

// noun is the word for a value of a type in messages.
func noun(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration"
	case reflect.TypeFor[value.Size]():
		return "a size"
	case reflect.TypeFor[value.Schedule]():
		return "a schedule"
	case reflect.TypeFor[value.TimeZone]():
		return "a time zone"
	case reflect.TypeFor[bool]():
		return "true or false"
	case reflect.TypeFor[int]():
		return "a whole number"
	case reflect.TypeFor[float64]():
		return "a number"
	default:
		return "text"
	}
}

// Keys are all keys of a section that hold a value, in the order of the file, such as
// cluster.name and stores[].s3.bucket.
func Keys(section reflect.Type) []string { return keysOf("", section) }

func keysOf(path string, t reflect.Type) []string {
	var keys []string
	for _, f := range Fields(t) {
		at, ft := Child(path, f.Key), t.Field(f.Index).Type
		if ft.Kind() == reflect.Slice && IsSection(ft.Elem()) {
			at, ft = at+"[]", ft.Elem()
		}
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		if IsSection(ft) {
			keys = append(keys, keysOf(at, ft)...)
		} else {
			keys = append(keys, at)
		}
	}
	return keys
}

// needed are the keys that even the shortest file must give.
func needed(path string, section reflect.Type) []string {
	var keys []string
	for _, f := range Fields(section) {
		at, ft := Child(path, f.Key), section.Field(f.Index).Type
		switch {
		case f.Need:
			keys = append(keys, at)
		case kindOf(ft) == sectionKind:
			keys = append(keys, needed(at, ft)...)
		}
	}
	return keys
}
