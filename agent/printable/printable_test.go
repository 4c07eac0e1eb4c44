package printable

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"cp-1":                   "cp-1",
		"żółć":                   "żółć",
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
		if got := Text(text, 4096); got != want {
			t.Errorf("Text(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestTooLong(t *testing.T) {
	const most = 3000
	for _, long := range []string{strings.Repeat("x", 10_000), strings.Repeat("é", 2000), strings.Repeat("节", 4000), strings.Repeat("\n", 9000)} {
		got := Text(long, most)
		if len(got) > most || len(got) < most-len(mark)-utf8.UTFMax || !utf8.ValidString(got) || !strings.HasSuffix(got, mark) {
			t.Errorf("a text of %d bytes became one of %d: %.20q", len(long), len(got), got)
		}
	}
	if got := Text(strings.Repeat("x", most), most); len(got) != most || strings.HasSuffix(got, mark) {
		t.Errorf("a text of just %d bytes became %d", most, len(got))
	}
}
