package amend

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var store = Map{{"name", "second"}, {"directory", Map{{"path", "/mnt/backups"}}}}

// TestApply holds what each edit makes of a file, to the byte.
func TestApply(t *testing.T) {
	for name, c := range map[string]struct {
		before string
		edits  []Edit
		after  string
	}{
		"a plain value": {"a: 1\ncluster:\n  name: old   # why\n  b: 2\n", []Edit{{"cluster.name", "new"}}, "a: 1\ncluster:\n  name: new   # why\n  b: 2\n"},
		"a quoted value, with characters of several bytes": {"é: {ü: 'it''s é', name: \"x\\\"y\" } # c\n", []Edit{{"é.ü", "a b"}, {"é.name", "z"}},
			"é: {ü: \"a b\", name: z } # c\n"},
		"a value that needs quotes": {"a: x\n", []Edit{{"a", "true"}, {"b", "10"}, {"c", "https://h:1"}, {"d", "a: b # c"}, {"e", ""}, {"f", true}},
			"a: \"true\"\nb: \"10\"\nc: https://h:1\nd: \"a: b # c\"\ne: \"\"\nf: true\n"},
		"a key behind the last of its section, before comments": {"cluster:\n  name: x\n\n  # a comment\n  # another\n\nstores: []\n", []Edit{{"cluster.ca_file", "/x"}},
			"cluster:\n  name: x\n  ca_file: /x\n\n  # a comment\n  # another\n\nstores: []\n"},
		"a section that is not there": {"a: 1\n# the end\n", []Edit{{"snapshot.recipients.+", "age1x"}}, "a: 1\nsnapshot:\n  recipients:\n    - age1x\n# the end\n"},
		"a section without content":   {"snapshot:\nb: 1\n", []Edit{{"snapshot.recipients.+", "age1x"}}, "snapshot:\n  recipients:\n    - age1x\nb: 1\n"},
		"a value without content":     {"a:\nb: # c\n", []Edit{{"a", "x"}, {"b", "w"}}, "a: x\nb: w # c\n"},
		"a section that is null":      {"a: ~\nb: null\n", []Edit{{"a", "x"}, {"b.c", "w"}}, "a: x\nb: {c: w}\n"},
		"an item behind the last": {"stores:\n  - name: first\n    s3:\n      bucket: b\n  # - name: third\nz: 1\n", []Edit{{"stores.+", store}},
			"stores:\n  - name: first\n    s3:\n      bucket: b\n  - name: second\n    directory:\n      path: /mnt/backups\n  # - name: third\nz: 1\n"},
		"an item of a list that is not indented": {"stores:\n- name: first\n  s3: {bucket: b}\n", []Edit{{"stores.+", store}},
			"stores:\n- name: first\n  s3: {bucket: b}\n- name: second\n  directory:\n    path: /mnt/backups\n"},
		"an item in brackets": {"stores: [{name: first, s3: {bucket: \"b]\"}}]\n", []Edit{{"stores.+", store}},
			"stores: [{name: first, s3: {bucket: \"b]\"}}, {name: second, directory: {path: /mnt/backups}}]\n"},
		"into empty brackets": {"a: {}\nb: [ ]\nc: [ # x\n  ]\n", []Edit{{"a.x", "w"}, {"b.+", "z"}}, "a: {x: w}\nb: [z ]\nc: [ # x\n  ]\n"},
		"behind a comma":      {"a: {x: 1, }\nb: [\n  1,\n  2\n]\n", []Edit{{"a.y", "z"}, {"b.+", "w"}}, "a: {x: 1, y: z }\nb: [\n  1,\n  2\n, w]\n"},
		"into an item": {"stores:\n  - name: x\n    s3: {bucket: b, region: r}\n  - name: y\n", []Edit{{"stores.0.s3.region", "q"}, {"stores.0.s3.endpoint", "https://h:1/p"}, {"stores.1.directory.path", "/d"}},
			"stores:\n  - name: x\n    s3: {bucket: b, region: q, endpoint: https://h:1/p}\n  - name: y\n    directory:\n      path: /d\n"},
		"a list in brackets": {"a: [x,\n  y] # c\nb: 1\n", []Edit{{"a", List{"p", "q"}}}, "a: [p, q] # c\nb: 1\n"},
		"a list by the line": {"a:\n  - x # c\n  - y\n# d\nb: 1\n", []Edit{{"a", List{"p"}}}, "a:\n  - p\n# d\nb: 1\n"},
		"Windows' lines":     {"a:\r\n  b: 1\r\nc: 2\r\n", []Edit{{"a.x", "w"}, {"c", "z"}}, "a:\r\n  b: 1\r\n  x: w\r\nc: z\r\n"},
		"a byte order mark":  {"\xef\xbb\xbfa: 1\n", []Edit{{"a", "x"}}, "\xef\xbb\xbfa: x\n"},
		"markers":            {"---\na: 1\n...\n", []Edit{{"b", "x"}}, "---\na: 1\nb: x\n...\n"},
		"no end of line":     {"a: 1", []Edit{{"b", "x"}}, "a: 1\nb: x\n"},
		"all in brackets":    {"{a: {b: 1}}\n", []Edit{{"a.c", "x"}, {"d.e", "w"}}, "{a: {b: 1, c: x}, d: {e: w}}\n"},
		"behind a comment":   {"a: [x # c\n  ]\n", []Edit{{"a.+", "z"}}, "a: [x # c\n, z  ]\n"},
		"comments alone":     {"# one\n#a: 1\n", []Edit{{"a.b", "x"}}, "# one\n#a: 1\na:\n  b: x\n"},
		"nothing":            {"", []Edit{{"a", Map{{"b", List{}}, {"c", Map{}}}}}, "a:\n  b: []\n  c: {}\n"},
		"a block of text stays whole": {"a: |\n  x\n  # no comment\nb:\n  c: 1\n", []Edit{{"b.d", "x"}},
			"a: |\n  x\n  # no comment\nb:\n  c: 1\n  d: x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Apply([]byte(c.before), c.edits...)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.after {
				t.Errorf("got\n%s\nwant\n%s", got, c.after)
			}
		})
	}
}

// TestByHand holds that what cannot be changed in place is left alone.
func TestByHand(t *testing.T) {
	for name, c := range map[string]struct {
		before string
		edit   Edit
	}{
		"a value of several lines":   {"a: x\n  y\n", Edit{"a", "z"}},
		"a block of text":            {"a: |\n  x\n", Edit{"a", "z"}},
		"an anchor":                  {"a: &n x\nb: *n\n", Edit{"a", "z"}},
		"an alias":                   {"a: &n x\nb: *n\n", Edit{"b", "z"}},
		"a tag":                      {"a: !!str x\n", Edit{"a", "z"}},
		"a key below a value":        {"a: x\n", Edit{"a.b", "z"}},
		"an item below a section":    {"a: {b: 1}\n", Edit{"a.+", "z"}},
		"an item that is not there":  {"a: [x]\n", Edit{"a.1", "z"}},
		"a text for a section":       {"a:\n  b: 1\n", Edit{"a", "z"}},
		"a dash on a line of itself": {"a:\n  -\n    b: 1\n  -\n    c: 1\n", Edit{"a.0.d", "z"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Apply([]byte(c.before), c.edit)
			if !errors.Is(err, ErrByHand) || got != nil {
				t.Errorf("got %v\n%s", err, got)
			}
		})
	}
	for name, text := range map[string]string{"no YAML": "a: [\n", "a list": "- a\n", "two documents": "a: 1\n---\nb: 1\n", "a word": "x\n"} {
		if _, err := Apply([]byte(text), Edit{"a", "b"}); err == nil {
			t.Errorf("%s was changed", name)
		}
	}
}

func TestHas(t *testing.T) {
	src := []byte("a:\n  b: [x]\n  c:\nd: ''\n")
	for path, want := range map[string]bool{"a": true, "a.b": true, "a.b.0": true, "a.b.1": false, "a.c": false, "d": true, "e": false, "d.x": false} {
		if Has(src, path) != want {
			t.Errorf("%s: %t", path, !want)
		}
	}
	if Has([]byte("["), "a") || Has(nil, "a") {
		t.Error("nothing has something")
	}
}

// FuzzApply holds that a change never panics, and keeps every line but those that it changes.
func FuzzApply(f *testing.F) {
	f.Add("a: 1\nb:\n  - c: {d: e}\n", "b.0.c.d")
	f.Add("a: [x,\n y]\n# c\nz: |\n  t\n", "a.+")
	f.Add("a:\nb: 'x'\n", "a.b.+")
	f.Fuzz(func(t *testing.T, text, path string) {
		after, err := Apply([]byte(text), Edit{path, "value"})
		if err != nil {
			return
		}
		lost := 0
		rest := string(after)
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); strings.Contains(rest, line) {
				_, rest, _ = strings.Cut(rest, line)
			} else {
				lost++
			}
		}
		if lost > 1 && !strings.Contains(text, "[") && !strings.Contains(text, "{") && Has([]byte(text), path) == false {
			t.Errorf("%d lines changed:\n%s\nbecame\n%s", lost, text, after)
		}
	})
}
