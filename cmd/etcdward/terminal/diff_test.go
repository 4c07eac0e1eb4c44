package terminal

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnifiedDiff compares with the diff that everybody has.
func TestUnifiedDiff(t *testing.T) {
	lines := func(s string) []byte { return []byte(strings.ReplaceAll(s, " ", "\n") + "\n") }
	for name, c := range map[string][2][]byte{
		"a change":         {lines("a b c d e f g h i j"), lines("a b c d X f g h i j")},
		"two far apart":    {lines("a b c d e f g h i j k l m n o p"), lines("A b c d e f g h i j k l m n o P")},
		"two near":         {lines("a b c d e f g h i j"), lines("A b c d e f g H i j")},
		"at the end":       {lines("a b c"), lines("a b c d e")},
		"taken out":        {lines("a b c d e f g"), lines("a b c d e")},
		"everything":       {lines("a b"), lines("x y z")},
		"one line":         {lines("a"), lines("b")},
		"made from little": {[]byte("a\n"), lines("a b c d e f g h i")},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			a, b := filepath.Join(folder, "a"), filepath.Join(folder, "b")
			if err := errors.Join(os.WriteFile(a, c[0], 0o644), os.WriteFile(b, c[1], 0o644)); err != nil {
				t.Fatal(err)
			}
			out, _ := exec.Command("diff", "-u", "--label", "x", "--label", "x", a, b).Output() // 1: they differ
			if got := UnifiedDiff("x", c[0], c[1]); got != string(out) {
				t.Errorf("got\n%s\nwant\n%s", got, out)
			}
		})
	}
	if got := UnifiedDiff("x", nil, []byte("a\n")); got != "--- /dev/null\n+++ x\n@@ -0,0 +1 @@\n+a\n" {
		t.Errorf("a new file: %q", got)
	}
	if got := UnifiedDiff("x", []byte("a\n"), []byte("a\n")); got != "" {
		t.Errorf("nothing: %q", got)
	}
}
