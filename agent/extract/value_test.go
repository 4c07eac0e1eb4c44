package extract

import (
	"bytes"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/etcdward/etcdward/agent/extract/apply"
	"github.com/etcdward/etcdward/agent/extract/object"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/kinds"
)

// configMap is a value as an API server stores it, with more at the end of the object.
func configMap(t testing.TB, more string) string {
	t.Helper()
	made := corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "b"}, Data: map[string]string{"k": "v"}}
	raw, err := made.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	whole := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, Raw: append(raw, more...)}
	out, err := whole.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return "k8s\x00" + string(out)
}

const customResource = `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"b","uid":"1"},` +
	`"spec":{"big":9007199254740993,"ratio":0.5,"none":null,"empty":{},"text":"a: \u00e9\nb\n","list":[1,"1",true]}}`

// TestValues holds what becomes of each sort of value.
func TestValues(t *testing.T) {
	unknownKind := strings.Replace(configMap(t, ""), "ConfigMap", "ConfigXap", 1)
	for name, test := range map[string]struct {
		value, encoding, end, note string
		lossy                      bool
	}{
		"built-in":         {configMap(t, ""), object.Protobuf, endYAML, "", false},
		"custom resource":  {customResource, object.JSON, endYAML, "", false},
		"indented":         {" \n" + customResource + "\n", object.JSON, endYAML, "", false},
		"unknown field":    {configMap(t, "\x92\x03\x03new"), object.Protobuf, endYAML, "field 50 of core/v1.ConfigMap is not known", true},
		"no UTF-8":         {configMap(t, "\x12\x06\x0a\x01x\x12\x01\xff"), object.Protobuf, "", "", true},
		"key twice":        {configMap(t, "\x12\x06\x0a\x01k\x12\x01w"), object.Protobuf, endYAML, `data has the key "k" twice`, true},
		"name twice":       {`{"apiVersion":"v1","kind":"A","x":1,"x":2}`, object.JSON, endYAML, `the name "x" stands twice`, true},
		"long number":      {`{"apiVersion":"v1","kind":"A","x":0.1234567890123456789}`, object.JSON, endYAML, "the number 0.1234567890123456789 has more digits", true},
		"half a character": {`{"apiVersion":"v1","kind":"A","x":"\\\ud83d"}`, object.JSON, endYAML, `\ud83d is half a character`, true},
		"no embedded JSON": {configMap(t, "\x0a\x09\x8a\x01\x06\x3a\x04\x0a\x02{x"), object.Protobuf, endYAML, "fieldsV1: not JSON", true},
		"encrypted":        {"k8s:enc:aescbc:v1:key1:\x00\xff", object.Encrypted, endBinary, "encrypted at rest by aescbc with the key key1", false},
		"encrypted by kms": {"k8s:enc:kms:v2:vault:\x00\xff", object.Encrypted, endBinary, "by kms with the key vault", false},
		"encrypted oddly":  {"k8s:enc:\x1b", object.Encrypted, endBinary, "in a way that is not known", false},
		"unknown kind":     {unknownKind, object.Raw, endBinary, `kind "ConfigXap" of "v1" is not known`, false},
		"broken protobuf":  {configMap(t, "\x0a\xff"), object.Raw, endBinary, "cannot be decoded", false},
		"wrong wire type":  {configMap(t, "\x10\x01"), object.Raw, endBinary, "wire type 0", false},
		"empty protobuf":   {"k8s\x00", object.Raw, endBinary, `kind "" of ""`, false},
		"broken JSON":      {`{"apiVersion":`, object.Raw, endText, "cannot be decoded", false},
		"JSON and more":    {customResource + "x", object.Raw, endText, "cannot be decoded", false},
		"JSON of none":     {`{"a":1}`, object.Raw, endText, "no object", false},
		"JSON as YAML":     {`{"apiVersion":"v1","kind":"A","x":1e400}`, object.JSON, endText, "cannot be written as YAML", false},
		"deep":             {`{"apiVersion":"v1","kind":"A","x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}", object.Raw, endText, "too deep", false},
		"long and deep":    {`{"apiVersion":"v1","kind":"A","x":` + strings.Repeat("[", 100) + strings.Repeat("1,", 1<<20) + "1" + strings.Repeat("]", 100) + "}", object.JSON, endJSON, "", false},
		"large":            {customResource + strings.Repeat(" ", object.MaxBytes), object.Raw, endText, "more than any object", false},
		"text":             {"192.0.2.1\n", object.Raw, endText, "no object", false},
		"binary":           {"\x00\x01", object.Raw, endBinary, "no object", false},
		"empty":            {"", object.Raw, endText, "no object", false},
	} {
		t.Run(name, func(t *testing.T) {
			x := run(t, Extractor{Selection: Selection{Prefix: "/"}}, handmade(t, pair{"/registry/configmaps/b/a", test.value}))
			line := x.index["/registry/configmaps/b/a"]
			if name == "no UTF-8" { // YAML cannot say it, so that the value stays
				test.end, test.note, test.lossy = endBinary, "cannot be written as YAML", false
			}
			if line.Encoding != test.encoding || line.File != "objects/registry/configmaps/b/a"+test.end || !strings.Contains(line.Note, test.note) || line.Lossy != test.lossy {
				t.Errorf("index: %.300v", line)
			}
			if line.Namespace != "b" || line.Name != "a" && line.Name != "w" {
				if test.encoding != object.JSON {
					t.Errorf("it is called %s %s", line.Namespace, line.Name)
				}
			}
			content := string(x.read(t, line.File))
			isObject := test.end == endYAML || test.end == endJSON
			if !isObject && content != test.value {
				t.Errorf("the file has %d bytes, the value %d", len(content), len(test.value))
			}
			if head := strings.HasPrefix(content, "# etcdward: NOT ALL"); head != test.lossy || head && string(x.read(t, line.Value)) != test.value {
				t.Errorf("lossy: %t, beside it is %q:\n%s", head, line.Value, content)
			}
			want := Outcome{Kinds: x.Kinds}
			switch {
			case isObject:
				want.Objects = 1
			case test.encoding == object.Encrypted:
				want.Encrypted = 1
			default:
				want.Raw = 1
			}
			if test.lossy {
				want.Lossy = 1
			}
			if x.Objects != want.Objects || x.Encrypted != want.Encrypted || x.Raw != want.Raw || x.Lossy != want.Lossy || x.Whole() != (isObject && !test.lossy) {
				t.Errorf("counted %+v", x.Outcome)
			}
		})
	}
}

// TestCustomResource holds the YAML of a custom resource to the letter.
func TestCustomResource(t *testing.T) {
	x := run(t, Extractor{Selection: Selection{Prefix: Registry}}, handmade(t, pair{"/registry/example.com/widgets/b/w", customResource}))
	want := `apiVersion: example.com/v1
kind: Widget
metadata:
  name: w
  namespace: b
  uid: "1"
spec:
  big: 9007199254740993
  empty: {}
  list:
  - 1
  - "1"
  - true
  none: null
  ratio: 0.5
  text: |
    a: é
    b
`
	if got := x.read(t, "objects/registry/example.com/widgets/b/w.yaml"); string(got) != want {
		t.Errorf("got\n%s", got)
	}
}

// TestEmbedded holds that the JSON within protobuf is as exact, and lost as loudly.
func TestEmbedded(t *testing.T) {
	for data, test := range map[string]struct{ yaml, note string }{
		`{"x":12345678901234567890}`:  {"x: 12345678901234567890", ""},
		`{"x":0.1234567890123456789}`: {"x: 0.123456789012345", "data: the number 0.1234567890123456789 has more digits"},
		`{"x":"\ud800"}`:              {"x: \"\ufffd\"", `data: \ud800 is half a character`},
	} {
		revision := appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "b"}, Data: runtime.RawExtension{Raw: []byte(data)}}
		const key = "/registry/controllerrevisions/b/r"
		value := string(kinds.Encode(t, &revision, "apps/v1", "ControllerRevision"))
		x := run(t, Extractor{Selection: Selection{Prefix: "/"}}, handmade(t, pair{key, value}))
		line := x.index[key]
		if line.Lossy != (test.note != "") || !strings.HasPrefix(line.Note, test.note) || x.Whole() == line.Lossy {
			t.Errorf("%s: %+v", data, line)
		}
		if text := string(x.read(t, line.File)); !strings.Contains(text, test.yaml) {
			t.Errorf("%s:\n%s", data, text)
		}
		if line.Lossy && string(x.read(t, line.Value)) != value {
			t.Errorf("%s: %s is not the value", data, line.Value)
		}
	}
}

// TestGuarded holds that a decoder which panics costs one object, and not the others.
func TestGuarded(t *testing.T) {
	entry := snapshot.Entry{Key: []byte("/a"), Value: []byte("x"), ModRevision: 7}
	r := guarded(entry, func(snapshot.Entry) rendering { panic("out of range") })
	if r.key != "/a" || r.revision != 7 || string(r.value) != "x" || r.text != nil || r.object.Encoding != object.Raw || r.object.Note != "cannot be decoded: out of range" {
		t.Errorf("%+v", r)
	}
}

// TestLargeValue writes what etcd takes only when it is told to, as it is.
func TestLargeValue(t *testing.T) {
	value := strings.Repeat("0123456789abcdef", 100<<20/16)
	x := run(t, Extractor{Selection: Selection{Prefix: "/"}}, handmade(t, pair{"/large", value}))
	if got := x.read(t, x.index["/large"].File); !bytes.Equal(got, []byte(value)) {
		t.Errorf("%d bytes", len(got))
	}
}

// TestNewest holds that only what exists at the newest revision is taken: not what was deleted, not what was overwritten.
func TestNewest(t *testing.T) {
	x := run(t, Extractor{Selection: Selection{Prefix: "/"}}, handmade(t, pair{"/a", "old"}, pair{"/b", "gone"}, pair{"/a", "new"}, pair{"/b", "deleted"}))
	if len(x.index) != 1 || string(x.read(t, x.index["/a"].File)) != "new" || x.index["/a"].ModRevision != 4 {
		t.Errorf("%+v", x.index)
	}
}

// FuzzPrepare reads any value and prepares it for another cluster. What is no object has a note, and nothing panics.
func FuzzPrepare(f *testing.F) {
	f.Add([]byte(configMap(f, "")))
	f.Add([]byte(customResource))
	f.Add([]byte(`{"apiVersion":"apiextensions.k8s.io/v1beta1","kind":"CustomResourceDefinition","spec":{"validation":{"openAPIV3Schema":{"properties":{"a":{"items":{}}}}},"versions":[{"name":"v1"}]}}`))
	f.Add([]byte(`{"apiVersion":"extensions/v1beta1","kind":"Ingress","spec":{"backend":{"serviceName":"s","servicePort":1},"rules":[{"http":{"paths":[{"backend":{}}]}}]}}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		got := object.Decode([]byte("/a"), value, nil)
		if got.Tree == nil {
			if got.Note == "" {
				t.Errorf("no object, and no reason: %+v", got)
			}
			return
		}
		cluster := apply.New()
		for range 2 { // the second time it is known
			v := cluster.Prepare(&got)
			if (v.LeftOut == "") != (v.Step != "") || v.Doubtful && len(v.Remarks) == 0 {
				t.Errorf("%+v", v)
			}
			again := object.Decode([]byte("/a"), value, nil)
			if err := cluster.Learn(again, true); err != nil {
				t.Error(err)
			}
			got = object.Decode([]byte("/a"), value, nil)
		}
	})
}
