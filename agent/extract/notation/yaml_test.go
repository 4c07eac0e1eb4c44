package notation

import (
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
	yaml4 "go.yaml.in/yaml/v4"
)

// special are texts that some version of YAML, or some reader of it, gives a type or a meaning of its own.
var special = []string{
	"", " ", "=", "<<", "~", ".", "..", "-", "--", "---", "...", "?", ":", "#", "!", "&", "*", "|", ">", "%", "@", "`", ",", "[]", "{}", "[", "{",
	"y", "Y", "n", "N", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "true", "True", "TRUE", "false", "tRUE",
	"null", "Null", "NULL", "nULL", ".nan", ".NaN", ".inf", "-.inf", "+.INF", "nan", "inf", "Infinity",
	"1:20", "1:20:30", "-1:20.5", "190:20:30.15", "0x1F", "0o17", "017", "0b101", "1_000", "0x_1", "1_0.5_0", "+1", "-1", "1.", ".5", "1e3", "1.5e3", "1.5e+3", "1E400", "007", "08", "1.2.3",
	"2001-12-14", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43.10 -5", "12:00", "2001-1-1",
	"a: b", "a:", "a #b", "#a", "a#b", ": a", "- a", "? a", "!a", "&a", "*a", "%a", "@a", "`a", "'a'", "\"a\"", "a\\b", "a'b", "key: |", "a, b", "[a]", "{a: b}", "a ", " a", "a\t", "\ta",
	"a\nb", "a\nb\n", "a\n\n\nb\n\n", "\na", "\n", "\n\n", " a\nb", "a\n b", "a\n  \n", "a\n\tb", "a \nb ", "a\r\nb", "a\rb", "# a\nb", "--- a\n--- b\n", "a: b\nc: d\n", "\ta\nb", "- a\n- b",
	"a\u0085b", "\u0085", "a\u2028b", "a\u2029b", "\u2028", "\ufeff", "a\ufeffb", "\x00", "\x07\x1b[2J", "\x7f", "\u009b", "\u00a0", "é", "\U0001F600", "\U000E0041", "\ufffd", "\ufffe", "ключ", "\u202e",
	strings.Repeat("long words ", 50), strings.Repeat("x", 900), strings.Repeat("line\n", 100), "/", "/a/b", "registry.example/a:1", "sha256:0a", "10.0.0.1", "100m", "1Gi", "50%", "a=b", "--flag=x", "$(VAR)",
}

// types11 are the expressions of the types of YAML 1.1 (yaml.org/type), and of the core schema of YAML 1.2.
var types11 = regexp.MustCompile(strings.Join([]string{
	`^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$`,
	`^(?:~|null|Null|NULL|)$`, `^<<$`, `^=$`,
	`^[-+]?0b[0-1_]+$`, `^[-+]?0[0-7_]+$`, `^[-+]?(?:0|[1-9][0-9_]*)$`, `^[-+]?0x[0-9a-fA-F_]+$`, `^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$`, `^0o[0-7]+$`, `^[-+]?[0-9]+$`,
	`^[-+]?(?:[0-9][0-9_]*)?\.[0-9.]*(?:[eE][-+][0-9]+)?$`, `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$`, `^[-+]?\.(?:inf|Inf|INF)$`, `^\.(?:nan|NaN|NAN)$`,
	`^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$`,
	`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, `^[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9]`,
}, "|"))

// TestSpecial writes each special text as a value, in a list, and as a name, and reads it with several readers.
func TestSpecial(t *testing.T) {
	for _, text := range special {
		holdText(t, text)
	}
}

func holdText(t *testing.T, text string) {
	t.Helper()
	tree := map[string]any{text: map[string]any{"value": text, "list": []any{text, []any{text, map[string]any{"a": text, "b": text}}}}, "x": text}
	if text == "x" {
		return
	}
	out, err := YAML(tree)
	if err != nil {
		t.Errorf("%q: %v", text, err)
		return
	}
	var by4 map[string]any
	if err := yaml4.Unmarshal(out, &by4); err != nil || !reflect.DeepEqual(by4, tree) {
		t.Errorf("%q: YAML 1.2 reads %v: %v\n%s", text, by4, err, out)
	}
	var by2 map[string]any
	if err := yaml.Unmarshal(out, &by2); err != nil || by2["x"] != text {
		t.Errorf("%q: YAML 1.1 reads %q: %v", text, by2["x"], err)
	}
	if line, err := inline(text); err == nil && line == text && types11.MatchString(line) {
		t.Errorf("%q is not quoted", text)
	}
}

// TestRandomTexts does the same with texts of the characters that have a meaning.
func TestRandomTexts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	const letters = "aye~.=<0123456789_:-+#!&*?|>%@`,[]{}'\"\\ \t\n\n\r\u0085\u2028\ufeffé\x00"
	runes := []rune(letters)
	for range 1000 {
		var text strings.Builder
		for range chance.IntN(8) {
			text.WriteRune(runes[chance.IntN(len(runes))])
		}
		holdText(t, text.String())
	}
}

// TestPlainTyped holds that what needs no quotes is none of the types, letter by letter.
func TestPlainTyped(t *testing.T) {
	if !types11.MatchString("1:20") || !types11.MatchString("2001-12-14 21:59:43.10 -5") || types11.MatchString("abc") {
		t.Fatal("the expressions are wrong")
	}
	for _, text := range special {
		if isPlain(text) && types11.MatchString(text) {
			t.Errorf("%q is plain", text)
		}
	}
	for _, text := range []string{"web", "registry.example/a:1", "kube-system", "a=b", "/registry/"} {
		if !isPlain(text) {
			t.Errorf("%q is quoted, which people would not do", text)
		}
	}
}

// TestJSONInstead holds that what YAML cannot hold is written as JSON, and what no reader of kubectl holds not at all.
func TestJSONInstead(t *testing.T) {
	deep := any("x")
	for range 120 {
		deep = []any{deep}
	}
	wide := make([]any, 400_000)
	for i := range wide {
		wide[i] = int64(1)
	}
	long := any(wide)
	for range 100 {
		long = []any{long}
	}
	for name, test := range map[string]struct {
		tree map[string]any
		end  string
	}{
		"a short name": {map[string]any{strings.Repeat("k", 900): "x"}, EndYAML},
		"a long name":  {map[string]any{strings.Repeat("k", 2000): "x\u202e"}, EndJSON},
		"deep":         {map[string]any{"a": deep}, EndYAML},
		"deep, wide":   {map[string]any{"a": long}, EndJSON},
		"huge number":  {map[string]any{"a": mustParse(t, "1e400")}, ""},
		"not UTF-8":    {map[string]any{"a": "\xff"}, ""},
		"not UTF-8, 2": {map[string]any{"a\xff": "x"}, ""},
	} {
		text, end, err := Write(test.tree)
		if end != test.end || (err == nil) != (test.end != "") {
			t.Errorf("%s: ends in %q, error %v", name, end, err)
		}
		if strings.ContainsRune(string(text), '\u202e') {
			t.Errorf("%s: a terminal would turn around", name)
		}
	}
}

func mustParse(t *testing.T, text string) any {
	t.Helper()
	v, _, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
