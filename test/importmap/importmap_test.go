package importmap

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the lint rules anew")

// TestImports compares every import in the tree with the map.
func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, Module)
		if strings.HasPrefix(room, "test/") || room == "packaging" || strings.HasPrefix(room, "packaging/") {
			continue
		}
		if slices.Contains(Forbidden, p.Name) {
			t.Errorf("%s: a package called %s", room, p.Name)
		}
		allowed, known := Rooms[room]
		if !known && room != Command {
			t.Errorf("%s: not on the import map; draw it in, in test/importmap/map.go", room)
		}
		for _, path := range p.Imports {
			check(t, room, path, allowed, known)
		}
	}
}

// check compares one import with the map.
func check(t *testing.T, room, path string, allowed []string, known bool) {
	t.Helper()
	ours, isOurs := strings.CutPrefix(path, Module)
	if isOurs && known && !slices.Contains(allowed, ours) {
		t.Errorf("%s imports %s, which the map does not allow", room, ours)
	}
	if isOurs && !slices.Contains(Free, room) && (slices.Contains(Free, ours) || strings.HasPrefix(ours, "test/")) {
		t.Errorf("%s imports %s, which is for tests", room, ours)
	}
	for _, o := range Owners {
		if (path == o.Library || strings.HasPrefix(path, o.Library+"/")) && !slices.Contains(o.Rooms, room) && !slices.Contains(Free, room) {
			t.Errorf("%s imports %s: %s", room, path, o.Why)
		}
	}
}

// TestNothingIsStale checks that the map names no room and no import that does not exist.
func TestNothingIsStale(t *testing.T) {
	imports := map[string][]string{}
	for _, p := range packages(t) {
		imports[strings.TrimPrefix(p.ImportPath, Module)] = p.Imports
	}
	for room, allowed := range Rooms {
		used, there := imports[room]
		if !there {
			t.Errorf("the map has the room %s, and there is none", room)
		}
		for _, other := range allowed {
			if there && !slices.Contains(used, Module+other) {
				t.Errorf("the map lets %s import %s, and it does not", room, other)
			}
		}
	}
	for _, o := range Owners {
		for _, room := range o.Rooms {
			if _, there := imports[room]; !there {
				t.Errorf("the map has %s for the room %s, and there is none", o.Library, room)
			}
		}
	}
}

// TestLayers checks that no room imports itself by way of others, and that nothing below the composition imports it.
func TestLayers(t *testing.T) {
	for room := range Rooms {
		seen := map[string]bool{}
		var walk func(string)
		walk = func(at string) {
			for _, next := range Rooms[at] {
				if next == room {
					t.Errorf("%s imports itself, by way of %s", room, at)
				}
				if !seen[next] {
					seen[next] = true
					walk(next)
				}
			}
		}
		walk(room)
	}
}

const (
	begins = "        # The import map, made by: go test ./test/importmap -update\n"
	ends   = "        # The end of the import map.\n"
	config = "../../.golangci.yml"
)

// TestLintRules compares the lint rules with the map; -update writes them.
func TestLintRules(t *testing.T) {
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), begins)
	_, tail, foundEnd := strings.Cut(rest, ends)
	if !found || !foundEnd {
		t.Fatalf("%s has no place for the import map", config)
	}
	want := head + begins + Rules() + ends + tail
	if *update {
		if err := os.WriteFile(config, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s differs from the import map: go test ./test/importmap -update", config)
	}
}

// listedPackage is what `go list` prints about one package.
type listedPackage struct {
	ImportPath, Name string
	Imports          []string
}

func packages(t *testing.T) []listedPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Imports", Module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listedPackage
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
