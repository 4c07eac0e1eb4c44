package etcd

import (
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"m1": "m1", `a "quoted" one`: `a "quoted" one`, "żółć": "żółć", "a\tb\n": `a\tb\n`, "\x1b[31m": `\x1b[31m`, "a\xffb": `a\xffb`, "": "",
		"a\ufffdb": `a\ufffdb`, strings.Repeat("é", 2000): strings.Repeat("é", 1500) + "...",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q becomes %s, want %s", text, got, want)
		}
	}
}
