package extract

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/etcdward/etcdward/agent/snapshot"
)

// hint is the way out that an error knows.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// TestOccupied holds that nothing is written where something is.
func TestOccupied(t *testing.T) {
	path := fixtureFile(t)
	e := Extractor{Selection: Selection{Prefix: Registry, Namespace: "team-1"}}
	for name, test := range map[string]struct {
		there, says, hint string
	}{
		"something else":    {"notes.txt", "is not empty", "another folder"},
		"an extraction":     {IndexName, "is not empty", "another folder"},
		"one that was cut":  {IndexName + part, "was cut off", "rm -r"},
		"one cut elsewhere": {objectsName + part, "was cut off", "rm -r"},
	} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, test.there), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := e.Run(t.Context(), path, folder)
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(hint(err), test.hint) {
			t.Errorf("%s: %v; %s", name, err, hint(err))
		}
		if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
			t.Errorf("%s: left is %v, %v", name, entries, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{file, filepath.Join(file, "below"), "/nonexistent/below"} {
		if _, err := e.Run(t.Context(), path, output); err == nil || !strings.Contains(err.Error(), output) {
			t.Errorf("%s: %v", output, err)
		}
	}
	if _, err := e.Run(t.Context(), path, t.TempDir()); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestAbandon holds that what cannot be removed is said in one line, beside the cause.
func TestAbandon(t *testing.T) {
	output := filepath.Join(t.TempDir(), "out")
	f, err := openFolder(output)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(output, "mine"), nil, 0o600); err != nil { // of somebody else, so that the folder cannot go
		t.Fatal(err)
	}
	cause := errors.New("cause")
	if err := f.abandon(cause); !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "cause; what was written is left there: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// TestShellWord holds that the way out can be pasted.
func TestShellWord(t *testing.T) {
	for path, want := range map[string]string{
		"/tmp/out-1.d": "/tmp/out-1.d", "my data": "'my data'", "-rf": "./-rf", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "ü": "'ü'",
	} {
		if got := shellWord(path); got != want {
			t.Errorf("%q: %s", path, got)
		}
	}
}

// TestVisible holds that what a terminal obeys is escaped in the index and in JSON, stays out of files of text and out of hints,
// and is the same when it is read.
func TestVisible(t *testing.T) {
	const key, odd = "/odd\x1b\x7f\u009b\u202e\U000e0041é", "\x1b[2J\u009b2J\u202e"
	x := run(t, Extractor{Selection: Selection{Prefix: "/"}}, handmade(t, pair{key, `{"apiVersion":"v1","kind":"` + "A\u009b" + `"}`},
		pair{"/text", "a\tb\n"}, pair{"/csi", "a\u009b2J"}, pair{"/esc", "a\x1b[2J"}))
	if line, there := x.index[key]; !there || line.Kind != "A\u009b" {
		t.Errorf("%+v", x.index)
	}
	whole := x.read(t, IndexName)
	printed, err := json.Marshal(x.Outcome)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(whole), string(printed)} {
		if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
			t.Errorf("%q", text)
		}
	}
	if !strings.Contains(string(whole), `\udb40\udc41é`) {
		t.Errorf("%q", whole)
	}
	for key, end := range map[string]string{"/text": endText, "/csi": endBinary, "/esc": endBinary} {
		if line := x.index[key]; !strings.HasSuffix(line.File, end) {
			t.Errorf("%s: %+v", key, line)
		}
	}
	e := Extractor{Selection: Selection{Prefix: Registry, Namespace: "none"}}
	_, err = e.Run(t.Context(), handmade(t, pair{"/registry/namespaces/a\nb", "x"}, pair{"/registry/namespaces/" + odd, "x"}, pair{"/registry/namespaces/red", "x"}),
		filepath.Join(t.TempDir(), "out"))
	if hint(err) != "one of its namespaces: red" {
		t.Errorf("%q", hint(err))
	}
}

// TestNothing holds that a selection of nothing is an error which knows what there is, and leaves nothing.
func TestNothing(t *testing.T) {
	path := fixtureFile(t)
	output := filepath.Join(t.TempDir(), "out")
	for _, test := range []struct {
		Selection
		hint string
	}{
		{Selection{Prefix: Registry, Namespace: "team-9"}, "kube-system, team-0, team-1"},
		{Selection{Prefix: "/registry", Namespace: "team"}, "kube-system, team-0, team-1"},
		{Selection{Prefix: "/registry/configmaps/team-9/"}, "kube-system, team-0, team-1"},
		{Selection{Prefix: "/kubernetes.io/", Namespace: "team-1"}, "--prefix /"},
	} {
		e := Extractor{Selection: test.Selection}
		_, err := e.Run(t.Context(), path, output)
		if !errors.Is(err, ErrNothing) || !strings.Contains(hint(err), test.hint) {
			t.Errorf("%+v: %v; %s", test.Selection, err, hint(err))
		}
		if _, err := os.Stat(output); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v: the folder was made: %v", test.Selection, err)
		}
	}
}

// TestCutShort holds that an extraction that ends early leaves nothing behind: when it is interrupted, and when the file cannot
// be read.
func TestCutShort(t *testing.T) {
	output := filepath.Join(t.TempDir(), "out")
	path := fixtureFile(t)
	ctx, cancel := context.WithCancel(t.Context())
	e := Extractor{Selection: Selection{Prefix: Registry}, Progress: func(_ string, done, _ int64) {
		if done > 100_000 {
			cancel()
		}
	}}
	if _, err := e.Run(ctx, path, output); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if err := os.Truncate(path, 500_000); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Run(t.Context(), path, output); !errors.Is(err, snapshot.ErrDamaged) {
		t.Errorf("half a file, which nobody examined: %v", err)
	}
	if _, err := os.Stat(output); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}

// TestSelection holds which keys belong to a namespace, of values that say it themselves and of those that cannot be read.
func TestSelection(t *testing.T) {
	const sealed = "k8s:enc:aescbc:v1:key1:x"
	object := func(kind, namespace, name string) string {
		return `{"apiVersion":"v1","kind":"` + kind + `","metadata":{"namespace":"` + namespace + `","name":"` + name + `"}}`
	}
	var pairs []pair
	want := map[string]bool{}
	for _, c := range []struct {
		key, value string
		taken      bool
	}{
		{"/registry/namespaces/red", object("Namespace", "", "red"), true},
		{"/registry/configmaps/red/a", object("ConfigMap", "red", "a"), true},
		{"/registry/services/specs/red/a", object("Service", "red", "a"), true},
		{"/registry/example.com/widgets/red/a", object("Widget", "red", "a"), true},
		{"/registry/configmaps/blue/red", object("ConfigMap", "blue", "red"), false},
		{"/registry/persistentvolumes/red", object("PersistentVolume", "", "red"), false},
		{"/registry/example.com/red/a", object("Red", "", "a"), false},
		{"/registry/configmaps/redder/a", object("ConfigMap", "redder", "a"), false},
		{"/registry/secrets/red/a", sealed, true},
		{"/registry/services/endpoints/red/a", sealed, true},
		{"/registry/example.com/widgets/red/b", sealed, true},
		{"/registry/secrets/blue/red", sealed, false},
		{"/registry/example.com/widgets/red", sealed, false},
		{"/registry/red", sealed, false},
		{"/registry/a/b/c/red/d", sealed, false},
		{"/elsewhere/configmaps/red/a", sealed, false},
	} {
		pairs = append(pairs, pair{c.key, c.value})
		if c.taken {
			want[c.key] = true
		}
	}
	x := run(t, Extractor{Selection: Selection{Prefix: "/registry", Namespace: "red"}}, handmade(t, pairs...))
	for _, p := range pairs {
		if _, taken := x.index[p.key]; taken != want[p.key] {
			t.Errorf("%s: taken %t", p.key, taken)
		}
	}
	x = run(t, Extractor{Selection: Selection{Prefix: Registry, Namespace: "red"}}, handmade(t, pair{"/registry/namespaces/red", sealed}))
	if line := x.index["/registry/namespaces/red"]; line.Name != "red" || line.Namespace != "" || x.Encrypted != 1 {
		t.Errorf("an encrypted namespace: %+v", line)
	}
}
