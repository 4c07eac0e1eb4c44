package hostfile

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFlags(t *testing.T) {
	for line, want := range map[string]map[string]string{
		"etcd --a=1 --b 2 -c=3 -d 4":         {"a": "1", "b": "2", "c": "3", "d": "4"},
		"etcd --on --name=x --off=false -v":  {"on": "true", "name": "x", "off": "false", "v": "true"},
		"etcd --a=1 --a=2":                   {"a": "2"},
		"etcd --url=https://x/?a=b":          {"url": "https://x/?a=b"},
		"etcd --a= -- --b=1":                 {"a": ""},
		"etcd stray - words --a 1 more --b":  {"a": "1", "b": "true"},
		"--initial-cluster m1=http://h:2380": {"initial-cluster": "m1=http://h:2380"},
	} {
		var words []Word
		for i, text := range strings.Fields(line) {
			words = append(words, Word{Text: text, Line: i + 1})
		}
		got := Flags(words)
		if len(got) != len(want) {
			t.Errorf("%s: got %v", line, got)
		}
		for name, value := range want {
			if got[name].Value != value {
				t.Errorf("%s: --%s is %q, want %q", line, name, got[name].Value, value)
			}
		}
	}
}

func TestEnvironment(t *testing.T) {
	text := "# comment\n; comment\r\n\nA=1\nexport B=\"two words\" # why\nC='$x \\n'\nD=a\\ b\n  E = e \nF=a#b\nG=\"a\\\"b\" \\\n\"c\"\nA=2\nH=\n"
	got, err := ParseEnv("env", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"A": "2", "B": "two words", "C": `$x \n`, "D": "a b", "E": "e", "F": "a#b", "G": `a"b c`, "H": ""} {
		if got[name].Value != want {
			t.Errorf("%s is %q, want %q", name, got[name].Value, want)
		}
	}
	if got["A"].Line != 12 || got["G"].Line != 10 {
		t.Errorf("lines %d and %d", got["A"].Line, got["G"].Line)
	}
	for text, line := range map[string]int{"A=1\n!x\n": 2, "=x": 1, "1A=x": 1, "A='": 1, "\n\nif [ x ]; then": 3} {
		_, err := ParseEnv("env", []byte(text))
		var p *Problem
		if !errors.As(err, &p) || p.Line != line {
			t.Errorf("%q: got %v, want line %d", text, err, line)
		}
	}
}
