package terminal

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"kube-master 1":           "kube-master 1",
		"żółć, 日本, 👍, \u00e9":     "żółć, 日本, 👍, é",
		"a\tb\nc":                 `a\tb\nc`,
		"\x1b[31mred\x1b]0;t\x07": `\u001b[31mred\u001b]0;t\u0007`,
		"over\rwritten\b\x00\x7f": `over\u000dwritten\u0008\u0000\u007f`,
		"\u009b31m":               `\u009b31m`,
		"a\xffb\xc3":              `a\xffb\xc3`,
		"evil\u202egnp.exe\u2066": `evil\u202egnp.exe\u2066`,
		"line\u2028separator":     `line\u2028separator`,
	} {
		if got := Escape(text); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
}

func TestSafe(t *testing.T) {
	var out bytes.Buffer
	safe := NewSafe(&out)
	const text = "a\tb\nc\x1b[2J\xff\n"
	if n, err := safe.Write([]byte(text)); err != nil || n != len(text) || out.String() != "a\tb\nc\\u001b[2J\\xff\n" {
		t.Errorf("it wrote %d bytes, %q, %v", n, out.String(), err)
	}
	if Raw(safe) != &out || Raw(&out) != &out {
		t.Error("the stream behind it is another")
	}
	out.Reset()
	name := "a\x1bb\u009bc\u202ed\x7f"
	if err := JSON(safe, name); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != name || strings.ContainsAny(out.String(), "\x1b\u009b\u202e\x7f") {
		t.Errorf("as JSON it is %q, which reads as %q, %v", out.String(), got, err)
	}
	out.Reset()
	if err := Table(&out, [][]string{{"NAME", "X"}, {"a\tb\nc\x1b", "y"}}); err != nil || strings.Count(out.String(), "\n") != 2 || !strings.Contains(out.String(), `a\tb\nc\u001b  y`) {
		t.Errorf("the table is %q, %v", out.String(), err)
	}
}
