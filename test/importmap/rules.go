package importmap

import (
	"fmt"
	"slices"
	"strings"
)

// Rules returns the import map as the depguard section of .golangci.yml: one rule for each heavy library, and one for each room. It belongs
// between the two marks there.
func Rules() string {
	var b strings.Builder
	for _, o := range Owners {
		fmt.Fprintf(&b, "        %s:\n", ruleName(o.Library))
		fmt.Fprintf(&b, "          files: [%s]\n", files(slices.Concat(o.Rooms, Free)))
		fmt.Fprintf(&b, "          deny: [{pkg: %s, desc: %q}]\n", o.Library, o.Why)
	}
	rooms := make([]string, 0, len(Rooms))
	for room := range Rooms {
		rooms = append(rooms, room)
	}
	slices.Sort(rooms)
	for _, room := range rooms {
		fmt.Fprintf(&b, "        %s:\n", ruleName("room/"+room))
		fmt.Fprintf(&b, "          files: [\"**/%s/*.go\", \"!$test\"]\n", room)
		b.WriteString("          list-mode: lax\n")
		b.WriteString("          allow:\n")
		for _, other := range slices.Sorted(slices.Values(Rooms[room])) {
			fmt.Fprintf(&b, "            - %s$\n", Module+other)
		}
		if len(Rooms[room]) == 0 {
			b.WriteString("            - $gostd\n")
		}
		fmt.Fprintf(&b, "          deny: [{pkg: %s, desc: %q}]\n", strings.TrimSuffix(Module, "/"), room+" may import these rooms of ours only: "+orNone(Rooms[room]))
	}
	return b.String()
}

// ruleName is a key of YAML for a path.
func ruleName(path string) string {
	return strings.NewReplacer("/", "-", ".", "-").Replace(path)
}

// files are the patterns of all files but those of some rooms.
func files(rooms []string) string {
	patterns := []string{`"$all"`}
	for _, room := range rooms {
		patterns = append(patterns, fmt.Sprintf("\"!**/%s/*.go\"", room))
	}
	return strings.Join(append(patterns, `"!$test"`, `"!**/test/**"`), ", ")
}

func orNone(rooms []string) string {
	if len(rooms) == 0 {
		return "none"
	}
	return strings.Join(rooms, ", ")
}
