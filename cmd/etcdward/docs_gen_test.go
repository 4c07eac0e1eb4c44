package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent/config"
)

// TestDocuments holds that what the packages ship names every verb, every flag and every key, and is the same each time.
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
	root := newRoot(&invocation{})
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
		if !strings.Contains(first["etcdward-config.5"], `.B "`+escapeRoff(key)+`"`) {
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
	if err := writeDocuments(newRoot(&invocation{}), directory, "../../docs/configuration.md"); err != nil {
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

// TestRoffIsText holds that no word of a text becomes a request of roff.
func TestRoffIsText(t *testing.T) {
	p := newPage("x", 8, time.Unix(0, 0).UTC(), "y")
	p.paragraphs(".so /etc/passwd\n'quoted' \\fB --flag")
	if want := ".PP\n\\&.so /etc/passwd\n\\(aqquoted\\(aq \\efB \\-\\-flag\n"; !strings.HasSuffix(p.String(), want) {
		t.Errorf("got %q", p.String())
	}
	verb := &cobra.Command{Use: "etcdward x", Short: `say "it"`}
	if page := verbPage(verb, time.Unix(0, 0).UTC()); !strings.Contains(page, `.TH "ETCDWARD\-ETCDWARD" 8 "1970\-01\-01" etcdward`) {
		t.Errorf("got %s", page)
	}
}

func TestSourceDate(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, err := sourceDate(); err == nil {
		t.Error("a word was taken for a time")
	}
}
