package systemd

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestCatalog checks that every event is explained, and that nothing is explained that is none.
func TestCatalog(t *testing.T) {
	text, err := os.ReadFile("../packaging/etcdward.catalog")
	if err != nil {
		t.Fatal(err)
	}
	head := regexp.MustCompile(`^([0-9a-f]{32})\nSubject: .+\nDefined-By: etcdward\nSupport: .+\nDocumentation: man:etcdward\(8\)\n\n`)
	explained := make(map[string]string)
	for _, entry := range strings.Split(string(text), "\n-- ")[1:] {
		m := head.FindStringSubmatch(entry)
		if m == nil {
			t.Fatalf("not an entry of a catalog:\n%s", entry)
		}
		explained[m[1]] = strings.TrimSpace(strings.TrimPrefix(entry, m[0]))
	}
	seen := make(map[string]string)
	for message, id := range events {
		if other, twice := seen[id]; twice {
			t.Errorf("%q and %q have the same identity", message, other)
		}
		seen[id] = message
		switch said := explained[id]; {
		case said == "":
			t.Errorf("%q (%s) is not in the catalog", message, id)
		case !strings.Contains(said, "\n\n"):
			t.Errorf("%q: the catalog names a cause or a remedy, and not both", message)
		}
		delete(explained, id)
	}
	for id := range explained {
		t.Errorf("%s is in the catalog, and no event", id)
	}
}
