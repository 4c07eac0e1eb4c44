package extract

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestGolden decodes every stored kind of the golden files that Kubernetes holds its own encodings to, of this version and of
// earlier ones, and finds in each what its JSON says.
func TestGolden(t *testing.T) {
	dir := module(t, "{{.Dir}}", "k8s.io/api")
	files, err := filepath.Glob(filepath.Join(dir, "testdata", "*", "*.pb"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := kubernetes()
	if err != nil {
		t.Fatal(err)
	}
	kinds, lossy, seen := 0, 0, map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".pb")
		text, err := os.ReadFile(name + ".json")
		if err != nil {
			text, err = os.ReadFile(strings.TrimSuffix(name, ".after_roundtrip") + ".json")
		}
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		kind, _ := want["apiVersion"].(string)
		name, _ = want["kind"].(string)
		kind += " " + name
		if s.kinds[kind] == nil {
			continue
		}
		value, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := decode(value)
		unknown := strings.Contains(got.Note, "is not known to this version")
		head := filepath.Base(filepath.Dir(file)) == "HEAD"
		if got.Encoding != Protobuf || got.Note != "" && (head || !unknown) {
			t.Errorf("%s: %s %s", file, got.Encoding, got.Note)
			continue
		}
		if diff := difference("", plain(t, got.tree), want); diff != "" && (head || !unknown && !strings.HasSuffix(diff, "PKCS10Request is too much")) {
			t.Errorf("%s: %s", file, diff)
		} else if unknown && diff == "" {
			t.Errorf("%s: %s, and nothing is missing", file, got.Note)
		}
		if unknown {
			lossy++
		}
		kinds++
		seen[kind] = true
	}
	for kind := range s.kinds {
		if !seen[kind] && !strings.HasSuffix(kind, " Scale") {
			t.Logf("no golden file of %s", kind)
		}
	}
	t.Logf("%d files of %d kinds, of %d; %d have fields that were dropped since, and say so", kinds, len(seen), len(s.kinds), lossy)
	if len(seen) < 140 || lossy < 10 {
		t.Error("too few")
	}
}

// plain is a tree as encoding/json would give it.
func plain(t *testing.T, tree any) any {
	t.Helper()
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// difference names the first place where two trees differ.
func difference(path string, got, want any) string {
	g, ok1 := got.(map[string]any)
	w, ok2 := want.(map[string]any)
	if !ok1 || !ok2 {
		if !reflect.DeepEqual(got, want) {
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(want)
			return path + ": got " + string(a) + ", want " + string(b)
		}
		return ""
	}
	for key := range w {
		if _, there := g[key]; !there {
			return path + "." + key + " is missing"
		}
	}
	for key := range g {
		if _, there := w[key]; !there {
			return path + "." + key + " is too much"
		}
		if diff := difference(path+"."+key, g[key], w[key]); diff != "" {
			return diff
		}
	}
	return ""
}
