package protobuf

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Version is a version of a kind. Since and Until are the minor releases 1.N that serve it first, and no longer; 0: unknown, never.
type Version struct {
	APIVersion   string
	Since, Until int
}

// versions are those of each kind, by its name without a group.
var versions = sync.OnceValue(func() map[string][]Version {
	s, err := kubernetes()
	if err != nil {
		return nil // the same fault comes up where an object is decoded
	}
	all := map[string][]Version{}
	for _, name := range slices.Sorted(maps.Keys(s.lives)) {
		apiVersion, kind, _ := strings.Cut(name, " ")
		all[kind] = append(all[kind], Version{apiVersion, s.lives[name].since, s.lives[name].until})
	}
	return all
})

// Versions returns the versions of a kind in all groups, in the order of their apiVersion.
func Versions(kind string) []Version { return versions()[kind] }

// AllVersions returns the versions of all kinds.
func AllVersions() []Version {
	var all []Version
	for _, list := range versions() {
		all = append(all, list...)
	}
	return all
}

// Groups returns the groups that have kinds here.
var Groups = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, v := range AllVersions() {
		if group, _, grouped := strings.Cut(v.APIVersion, "/"); grouped {
			all[group] = true
		}
	}
	return all
})

// Newest is the newest minor release that any kind appeared in.
var Newest = sync.OnceValue(func() int {
	newest := 0
	for _, v := range AllVersions() {
		newest = max(newest, v.Since)
	}
	return newest
})

// Misfit returns the path of a field of tree that the kind does not have in that version, "" if it has all of them.
func Misfit(tree map[string]any, apiVersion, kind string) string {
	s, err := kubernetes()
	of := s.kinds[apiVersion+" "+kind]
	if err != nil || of == nil {
		return kind
	}
	return of.misfit(tree, true)
}

func (m *message) misfit(tree map[string]any, root bool) string {
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if root && (name == "apiVersion" || name == "kind") {
			continue
		}
		f := m.named(name)
		if f == nil {
			return name
		}
		if f.of == nil {
			continue
		}
		if rest := f.misfit(tree[name]); rest != "" {
			return name + rest
		}
	}
	return ""
}

// misfit looks into the values of a field.
func (f *field) misfit(v any) string {
	switch v := v.(type) {
	case []any:
		for i, element := range v {
			if of, _ := element.(map[string]any); of != nil {
				if rest := f.of.misfit(of, false); rest != "" {
					return fmt.Sprintf("[%d].%s", i, rest)
				}
			}
		}
	case map[string]any:
		if f.shape != mapping {
			return prefixed(f.of.misfit(v, false))
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if of, _ := v[name].(map[string]any); of != nil {
				if rest := f.of.misfit(of, false); rest != "" {
					return "." + name + "." + rest
				}
			}
		}
	}
	return ""
}

func prefixed(rest string) string {
	if rest == "" {
		return ""
	}
	return "." + rest
}

// named finds a field by its name in JSON, also among those of inlined types.
func (m *message) named(name string) *field {
	for _, f := range m.fields {
		if f.name == name {
			return f
		}
		if f.name == "." {
			if inner := f.of.named(name); inner != nil {
				return inner
			}
		}
	}
	return nil
}
