package extract

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hostile are keys that want to be elsewhere than below the folder, or where another key is.
var hostile = []string{
	"a", "/a", "//a", "///a", "a/", "/a/", "/", "//", "/a//b", "/a/b", "/a/./b", "/a/../b", "../a", "/../../../../etc/passwd", "/..", "/.", "..", ".",
	"/a.yaml", "/a.yaml/b", "/a.bin", "/a.bin/b", "/a.json", "/a.json/b", "/a.txt/b", "/a.yaml.yaml", "/A", "/A/b", "/a%2Eyaml/b", "/%", "/%-", "/%-/a", "/%2F", "/a%2Fb", "/%long", "/%same",
	"/%~", "/a\x00b", "/a\nb", "/a\\b", "/\\..\\..\\x", "/C:\\x", "/\xff\xfe", "/é", "/-rf", "/.hidden", "/~root", "/$HOME", "/`id`", "/a b", "/a;b", "/*", "/con", "/nul.txt",
	"/" + strings.Repeat("n", 200), "/" + strings.Repeat("n", 201), "/" + strings.Repeat("n", 202), "/" + strings.Repeat("n", 5000), "/" + strings.Repeat("n", 5000) + "/x",
	"/" + strings.Repeat("%", 300), "/" + strings.Repeat("a/", 499) + "a", "/" + strings.Repeat("a/", 5000) + "a", "/" + strings.Repeat("a/", 5000) + "b", strings.Repeat("../", 3000),
	"/registry/clusterroles/system:node", "/registry/secrets/a/b", "/objects", "/index.jsonl", "/objects.partial",
}

// TestHostileKeys writes them all, and finds each in a file of its own, below the folder, for the owner alone.
func TestHostileKeys(t *testing.T) {
	var pairs []pair
	for i, key := range hostile {
		pairs = append(pairs, pair{key, fmt.Sprintf("value %d", i)})
	}
	path := handmade(t, pairs...)
	x := extracted{index: map[string]indexed{}}
	for _, prefix := range []string{"/", "a", "."} {
		part := run(t, Extractor{Selection: Selection{Prefix: prefix}}, path)
		for key, line := range part.index {
			x.index[key] = line
			if got, want := string(part.read(t, line.File)), fmt.Sprintf("value %d", slices.Index(hostile, key)); got != want {
				t.Errorf("%q: %q, want %q", key, got, want)
			}
			if !filepath.IsLocal(line.File) || !strings.HasPrefix(line.File, "objects/") || filepath.Clean(line.File) != line.File {
				t.Errorf("%q: %s", key, line.File)
			}
		}
		beside, err := os.ReadDir(filepath.Dir(part.folder))
		if err != nil || len(beside) != 1 {
			t.Errorf("beside the folder: %v %v", beside, err)
		}
		err = filepath.WalkDir(part.folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if want := map[bool]fs.FileMode{true: 0o700 | fs.ModeDir, false: 0o600}[d.IsDir()]; err == nil && info.Mode() != want {
				t.Errorf("%s: %s", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if len(x.index) != len(hostile) {
		for _, key := range hostile {
			if _, there := x.index[key]; !there {
				t.Errorf("%q was not written", key)
			}
		}
	}
}

// TestPlace holds the places that people look for, and those of keys that could be taken for another.
func TestPlace(t *testing.T) {
	for key, want := range map[string]string{
		"/registry/configmaps/team-3/cm-0":       "registry/configmaps/team-3/cm-0",
		"/registry/clusterroles/system:node":     "registry/clusterroles/system:node",
		"/registry/example.com/widgets/b/w.yaml": "registry/example.com/widgets/b/w.yaml",
		"/registry/a.yaml/b":                     "registry/a%2Eyaml/b",
		"/..":                                    "%2E.",
		"/a//b/":                                 "a/%/b/%",
		"x/y":                                    "%-/x/y",
		"/" + strings.Repeat("long", 100):        strings.Repeat("long", 25) + "%~" + digest(strings.Repeat("long", 100)),
		"/" + strings.Repeat("many/", 1000) + "parts": "%long/" + digest("/"+strings.Repeat("many/", 1000)+"parts"),
	} {
		if got := place(key); got != want {
			t.Errorf("%.50q: got %s, want %s", key, got, want)
		}
	}
}

// TestSameName holds that a file that is there is never written over, where a file system takes two names for one.
func TestSameName(t *testing.T) {
	f, err := openFolder(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := f.write("", "/a", endText, []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.write("", "/a", endText, []byte("two"))
	if err != nil || first == second || second != "objects/%same/"+digest("/a")+endText {
		t.Errorf("%s, then %s: %v", first, second, err)
	}
	if _, err := f.write("", "/a", endText, []byte("three")); err == nil {
		t.Error("and a third")
	}
	if err := f.commit(); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(filepath.Join(f.path, first)); err != nil || string(content) != "one" {
		t.Errorf("%q %v", content, err)
	}
}

// FuzzPlace holds the promises of place for any two keys.
func FuzzPlace(f *testing.F) {
	for i, key := range hostile {
		f.Add(key, hostile[(i+1)%len(hostile)])
	}
	f.Add("/a", "/a.yaml/b")
	f.Add("/a/b", "/a/b.bin/c")
	f.Fuzz(func(t *testing.T, a, b string) {
		one, two := place(a), place(b)
		if !fs.ValidPath(one) || !filepath.IsLocal(one) || len(one) > maxPathBytes || strings.ContainsAny(one, "\x00\n\\ ") {
			t.Errorf("%q: %q", a, one)
		}
		for name := range strings.SplitSeq(one, "/") {
			if len(name) > 255-len(endYAML) || name[0] == '.' || name[0] == '-' {
				t.Errorf("%q: %q", a, one)
			}
		}
		if a != b && one == two {
			t.Errorf("%q and %q: both %q", a, b, one)
		}
		for _, end := range []string{endYAML, endJSON, endText, endBinary} {
			if strings.HasPrefix(two, one+end+"/") {
				t.Errorf("the file of %q is the folder of %q: %q", a, b, two)
			}
		}
	})
}
