package config

import (
	"reflect"
	"strings"
	"time"
)

// field is one key as the tags of its struct field describe it.
type field struct {
	index           int
	key             string
	def             string
	need, secret    bool
	oneof           []string
	min, max, below string
}

func fieldsOf(t reflect.Type) []field {
	fields := make([]field, t.NumField())
	for i := range fields {
		tag := t.Field(i).Tag
		fields[i] = field{
			index:  i,
			key:    tag.Get("key"),
			def:    tag.Get("default"),
			need:   tag.Get("need") == "yes",
			secret: tag.Get("secret") == "yes",
			oneof:  strings.Fields(tag.Get("oneof")),
			min:    tag.Get("min"),
			max:    tag.Get("max"),
			below:  tag.Get("below"),
		}
	}
	return fields
}

// kind is what stands in the file for a Go type.
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
	case t.Kind() == reflect.Pointer && isSection(t.Elem()):
		return choiceKind
	case t.Kind() == reflect.Pointer:
		return optionalKind
	case isSection(t):
		return sectionKind
	default:
		return scalarKind
	}
}

// isSection tells a section from the structs that one scalar is read into.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[TimeZone]() && t != reflect.TypeFor[Schedule]()
}

// noun is what a value of a type is called in messages.
func noun(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration"
	case reflect.TypeFor[Size]():
		return "a size"
	case reflect.TypeFor[Schedule]():
		return "a schedule"
	case reflect.TypeFor[TimeZone]():
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

// Keys are all keys that hold a value, in the order of the file, such as
// cluster.name and stores[].s3.bucket.
func Keys() []string {
	return keysOf("", reflect.TypeFor[Config]())
}

func keysOf(path string, t reflect.Type) []string {
	var keys []string
	for _, f := range fieldsOf(t) {
		at, ft := child(path, f.key), t.Field(f.index).Type
		if ft.Kind() == reflect.Slice && isSection(ft.Elem()) {
			at, ft = at+"[]", ft.Elem()
		}
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		if isSection(ft) {
			keys = append(keys, keysOf(at, ft)...)
		} else {
			keys = append(keys, at)
		}
	}
	return keys
}
