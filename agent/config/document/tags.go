package document

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// CheckTags returns what is wrong with the tags of a section and of the sections in it. Everywhere else a wrong tag is a panic, so the
// test of each configuration calls CheckTags.
func CheckTags(section reflect.Type) []string { return checkTags("", section) }

func checkTags(path string, section reflect.Type) (wrong []string) {
	for _, f := range Fields(section) {
		field := section.Field(f.Index)
		at, ft := Child(path, f.Key), field.Type
		if f.Key == "" {
			wrong = append(wrong, fmt.Sprintf("%s.%s has no key", section, field.Name))
		}
		switch kindOf(ft) {
		case sectionKind:
			wrong = append(wrong, checkTags(at, ft)...)
		case choiceKind:
			wrong = append(wrong, checkTags(at, ft.Elem())...)
		case listKind:
			if IsSection(ft.Elem()) {
				wrong = append(wrong, checkTags(at, ft.Elem())...)
			}
		case optionalKind:
			wrong = append(wrong, checkScalar(at, ft.Elem(), f)...)
		default:
			if _, has := field.Tag.Lookup("default"); has == f.Need {
				wrong = append(wrong, at+": a key has a default or is needed")
			}
			wrong = append(wrong, checkScalar(at, ft, f)...)
		}
	}
	return wrong
}

// checkScalar reads every value in the tags of one key in the way that a value of the file is read.
func checkScalar(at string, t reflect.Type, f Field) (wrong []string) {
	r := &Reader{location: time.UTC}
	for _, s := range []string{f.Default, f.Min, f.Max, f.Below} {
		if s == "" {
			continue
		}
		if err := r.scan(reflect.New(t).Elem(), s); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: tag %q: %v", at, s, err))
		}
	}
	if v := reflect.New(t).Elem(); len(wrong) == 0 && f.Default != "" {
		r.preset(v, f.Default)
		if r.outside(v, f) != "" {
			wrong = append(wrong, fmt.Sprintf("%s: the default %q is out of range", at, f.Default))
		}
	}
	if len(f.OneOf) > 0 && !f.Need && !slices.Contains(f.OneOf, f.Default) {
		wrong = append(wrong, fmt.Sprintf("%s: the default %q is none of %v", at, f.Default, f.OneOf))
	}
	return wrong
}
