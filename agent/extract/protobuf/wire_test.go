package protobuf

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/test/kinds"
)

// TestGolden decodes every stored kind of the golden files that Kubernetes holds its own encodings to, of this version and of
// earlier ones, and finds in each what its JSON says.
func TestGolden(t *testing.T) {
	dir := kinds.Module(t, "{{.Dir}}", "k8s.io/api")
	files, err := filepath.Glob(filepath.Join(dir, "testdata", "*", "*.pb"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := kubernetes()
	if err != nil {
		t.Fatal(err)
	}
	count, lossy, seen := 0, 0, map[string]bool{}
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
		got, err := Decode(value[len(Mark):])
		note := strings.Join(got.Lost, "; ")
		unknown := strings.Contains(note, "is not known to this version")
		head := filepath.Base(filepath.Dir(file)) == "HEAD"
		if err != nil || note != "" && (head || !unknown) {
			t.Errorf("%s: %v %s", file, err, note)
			continue
		}
		if diff := kinds.Difference("", kinds.Plain(t, got.Tree), want); diff != "" && (head || !unknown && !strings.HasSuffix(diff, "PKCS10Request is too much")) {
			t.Errorf("%s: %s", file, diff)
		} else if unknown && diff == "" {
			t.Errorf("%s: %s, and nothing is missing", file, note)
		}
		if unknown {
			lossy++
		}
		count++
		seen[kind] = true
	}
	for kind := range s.kinds {
		if !seen[kind] && !strings.HasSuffix(kind, " Scale") {
			t.Logf("no golden file of %s", kind)
		}
	}
	t.Logf("%d files of %d kinds, of %d; %d have fields that were dropped since, and say so", count, len(seen), len(s.kinds), lossy)
	if len(seen) < 140 || lossy < 10 {
		t.Error("too few")
	}
}
