package document

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/config/value"
)

// TestCheckTags checks that each wrong tag is found: the test of a configuration rests on it.
func TestCheckTags(t *testing.T) {
	type section struct {
		Nameless  string        `default:""`
		Undecided string        `key:"undecided"`
		Both      int           `key:"both" need:"yes" default:"1"`
		Age       time.Duration `key:"age" default:"1 fortnight"`
		Bound     value.Size    `key:"bound" default:"1KiB" min:"many"`
		Small     int           `key:"small" default:"0" min:"1"`
		Choice    string        `key:"choice" default:"c" oneof:"a b"`
	}
	type wrong struct {
		Section section   `key:"section"`
		Some    *section  `key:"some"`
		Many    []section `key:"many"`
		Right   *int      `key:"right" min:"1" max:"2"`
	}
	of := func(path string) []string {
		return []string{
			"document.section.Nameless has no key",
			path + ".undecided: a key has a default or is needed",
			path + ".both: a key has a default or is needed",
			path + `.age: tag "1 fortnight": not a duration (allowed: such as 90s, 10m, 2h, 30d, 4w, 1h30m)`,
			path + `.bound: tag "many": not a size (allowed: such as 100MiB, 20GiB, 1TiB, 500MB, or plain bytes)`,
			path + `.small: the default "0" is out of range`,
			path + `.choice: the default "c" is none of [a b]`,
		}
	}
	got, want := CheckTags(reflect.TypeFor[wrong]()), slices.Concat(of("section"), of("some"), of("many"))
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
