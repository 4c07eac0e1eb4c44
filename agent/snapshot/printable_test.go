package snapshot

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"cp-1":                   "cp-1",
		"with blanks  in it":     "with blanks  in it",
		`back\slash "quoted"`:    `back\slash "quoted"`,
		"Knoten-é-节点":            "Knoten-é-节点",
		"p\t2":                   `p\t2`,
		"line\nfeed\r":           `line\nfeed\r`,
		"\x1b[31mred\x1b[0m":     `\x1b[31mred\x1b[0m`,
		"bell\a nul\x00 del\x7f": `bell\a nul\x00 del\x7f`,
		"C1\u0085\u009b31m":      `C1\u0085\u009b31m`,
		"turn\u202ere":           `turn\u202ere`,
		"zero\u200bwidth":        `zero\u200bwidth`,
		"separator\u2028":        `separator\u2028`,
		"no\xff\xfeUTF-8":        `no\xff\xfeUTF-8`,
		"cut\xe8\x8a":            `cut\xe8\x8a`,
		"replaced\ufffd":         `replaced\ufffd`,
	} {
		if got := Printable(text); got != want {
			t.Errorf("Printable(%q) = %q, want %q", text, got, want)
		}
	}
	for _, long := range []string{strings.Repeat("x", 10_000), strings.Repeat("节", 4000), strings.Repeat("\n", 9000)} {
		got := Printable(long)
		if len(got) > maxTextBytes || !utf8.ValidString(got) || !strings.HasSuffix(got, "(cut)") {
			t.Errorf("a text of %d bytes became one of %d: %.20q", len(long), len(got), got)
		}
	}
}

// TestFit holds that a manifest which was made fit can be encoded, and read again, whatever a member is called.
func TestFit(t *testing.T) {
	for _, name := range []string{"p\t2", "a\x1b[2Jb", "line\nfeed", "\xff\xfe", strings.Repeat("long\n", 5000), "\ufffd"} {
		m := manifest()
		m.Member.Name, m.Member.Reason = name, "a follower called "+name
		m.Checks[0].Detail = name
		m.Inconclusive = []Open{{Name: CheckHashKV, Detail: name + " did not answer"}}
		m.OddMembers = []OddMember{{Name: name, ID: "1", Detail: name}}
		if _, err := m.Encode(); err == nil {
			t.Errorf("%.20q: it can be encoded as it is", name)
		}
		m.Fit()
		body, err := m.Encode()
		if err != nil {
			t.Errorf("%.20q: %v", name, err)
			continue
		}
		if again, err := DecodeManifest(body); err != nil || again.Member.Name != m.Member.Name || again.OddMembers[0] != m.OddMembers[0] {
			t.Errorf("%.20q: read as %+v, %v", name, again.Member, err)
		}
	}
}
