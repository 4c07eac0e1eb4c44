package screens

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

const tour = "../../docs/tour.md"

// block is a screen in the tour: a comment that names the golden file, and the text after it.
var block = regexp.MustCompile("(?s)<!-- screen: ([a-z0-9.-]+) -->\n```text\n(.*?)```\n")

// TestTour holds the screens of the tour to the golden ones; -update writes them.
func TestTour(t *testing.T) {
	text, err := os.ReadFile(tour)
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	got := block.ReplaceAllStringFunc(string(text), func(old string) string {
		shown++
		name := block.FindStringSubmatch(old)[1]
		screen, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		return "<!-- screen: " + name + " -->\n```text\n" + string(screen) + "```\n"
	})
	if shown == 0 {
		t.Fatal("the tour shows no screen")
	}
	if got == string(text) {
		return
	}
	if flag.Lookup("update").Value.String() != "true" {
		t.Fatal("the tour shows other screens than the golden ones; go test -update writes it")
	}
	if err := os.WriteFile(tour, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}
