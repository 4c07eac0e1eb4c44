package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/etcdward/etcdward/agent/config"
)

// TestDocs checks that the documents name every key and every verb, and none that do not exist.
func TestDocs(t *testing.T) {
	configuration := read(t, "../../docs/configuration.md")
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(configuration, -1) {
		documented = append(documented, row[1])
	}
	for _, key := range config.Keys() {
		if !slices.Contains(documented, key) {
			t.Errorf("docs/configuration.md does not document %s", key)
		}
	}
	for _, key := range documented {
		if !slices.Contains(config.Keys(), key) {
			t.Errorf("docs/configuration.md documents %s, which does not exist", key)
		}
	}
	readme := read(t, "../../README.md")
	root := newRoot(&cli{})
	verbs := func(yield func(*cobra.Command) bool) {
		for _, c := range root.Commands() {
			if !c.Hidden && c.Name() != "completion" && c.Name() != "version" && !yield(c) {
				return
			}
		}
	}
	for c := range verbs {
		if !strings.Contains(readme, "| `etcdward "+c.Name()) {
			t.Errorf("README.md does not name the verb %s", c.Name())
		}
		if c.Short == "" {
			t.Errorf("verb %s says nothing of itself", c.Name())
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(readme, -1) {
		if _, err := os.Stat("../../" + link[1]); err != nil {
			t.Errorf("README.md links to %s: %v", link[1], err)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
