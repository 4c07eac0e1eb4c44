package manual

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestRoffIsText checks that no word of a text becomes a request of roff.
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
