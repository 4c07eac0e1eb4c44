package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/cmd/etcdward/manual"
)

// TestDocuments checks that what the packages ship names every verb, every flag and every key, and is the same each time.
func TestDocuments(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1795400000")
	first, second := written(t), written(t)
	if len(first) < 10 || len(first) != len(second) {
		t.Fatalf("%d documents, then %d", len(first), len(second))
	}
	for name, text := range first {
		if second[name] != text {
			t.Errorf("%s differs when it is written again", name)
		}
	}
	root := newRoot(&cli{})
	for _, verb := range root.Commands() {
		if verb.Hidden {
			continue
		}
		if page := first["etcdward-"+verb.Name()+".8"]; !strings.HasPrefix(page, `.TH "ETCDWARD\-`) || !strings.Contains(page, `"2026\-11\-23"`) {
			t.Errorf("%s has no page with its name and day:\n%s", verb.Name(), page)
		}
		if !strings.Contains(first["etcdward.8"], `.B "etcdward `+verb.Name()+`"`) {
			t.Errorf("etcdward(8) lacks %s", verb.Name())
		}
	}
	for _, key := range config.Keys() {
		if !strings.Contains(first["etcdward-config.5"], `.B "`+strings.ReplaceAll(key, "-", `\-`)+`"`) {
			t.Errorf("etcdward-config(5) lacks %s", key)
		}
	}
	if page := first["etcdward-prune.8"]; !strings.Contains(page, `.B "\-\-confirm"`) {
		t.Errorf("etcdward-prune(8) lacks a flag:\n%s", page)
	}
	for name, want := range map[string]string{"etcdward.bash": "complete -o default", "_etcdward": "#compdef etcdward", "etcdward.fish": "complete -c etcdward",
		"config.schema.json": `"move_leader"`} {
		if !strings.Contains(first[name], want) {
			t.Errorf("%s lacks %q", name, want)
		}
	}
}

func written(t *testing.T) map[string]string {
	t.Helper()
	directory := t.TempDir()
	if err := manual.Write(newRoot(&cli{}), directory, "../../docs/configuration.md"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, e := range entries {
		files[e.Name()] = read(t, filepath.Join(directory, e.Name()))
	}
	return files
}
