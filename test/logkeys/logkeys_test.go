package logkeys

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// TestKeys checks that the product uses no key but those of the list, and that the list has none that is not used.
func TestKeys(t *testing.T) {
	used := map[string]bool{}
	set := token.NewFileSet()
	for folder, files := range product(t, set) {
		for _, use := range In(files) {
			used[use.Key] = true
			switch {
			case use.Key == "":
				t.Errorf("%s: a key of a log line is not a literal", set.Position(use.Pos))
			case !slices.Contains(Keys, use.Key):
				t.Errorf("%s: the key %q in %s is not on the list in test/logkeys/logkeys.go", set.Position(use.Pos), use.Key, folder)
			}
		}
	}
	for _, key := range Keys {
		if !used[key] {
			t.Errorf("the list has the key %q, and no log line has it", key)
		}
	}
}

// TestListForPeople checks that CONTRIBUTING.md shows the same list.
func TestListForPeople(t *testing.T) {
	body, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(body), "The keys of log lines are a closed list:")
	if !found {
		t.Fatal("CONTRIBUTING.md has no list of the keys")
	}
	list, _, _ := strings.Cut(rest, ".")
	var shown []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(list, -1) {
		shown = append(shown, m[1])
	}
	want := slices.Sorted(slices.Values(Keys))
	if !slices.Equal(shown, want) {
		t.Errorf("CONTRIBUTING.md shows\n%q, and the list is\n%q", shown, want)
	}
}

// TestIn checks each form in which a log line gets its keys.
func TestIn(t *testing.T) {
	const source = `package p
func (s store) plain(log *slog.Logger) {
	log.Info("message", "a", 1, "b", 2)
	s.Log.Log(ctx, level, "message", "c", 3)
	log.With("d", 4).Warn("message", "e", 5)
	slog.Error("message", key, 6)
	other.Info("message", "not a key", 7)
}
func (s store) warn(message string, args ...any) { s.Log.Warn(message, args...) }
func (s store) calls() { s.warn("message", "f", 8) }
func (s store) collects() {
	args := []any{"g", 9}
	args = append(args, "h", 10)
	s.Log.Info("message", args...)
}
func (s store) computes() { s.Log.Info("message", made()...) }
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, use := range In([]*ast.File{file}) {
		keys = append(keys, use.Key)
	}
	want := []string{"", "", "a", "b", "c", "d", "e", "f", "g", "h"}
	if got := slices.Sorted(slices.Values(keys)); !slices.Equal(got, want) {
		t.Errorf("the keys are %q, want %q", got, want)
	}
}

// product parses the files of the product, by folder.
func product(t *testing.T, set *token.FileSet) map[string][]*ast.File {
	t.Helper()
	files := map[string][]*ast.File{}
	for _, top := range []string{"agent", "cmd", "schedule", "storage", "systemd"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			files[filepath.Dir(path)] = append(files[filepath.Dir(path)], file)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}
