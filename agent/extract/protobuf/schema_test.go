package protobuf

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/etcdward/etcdward/test/kinds"
)

var update = flag.Bool("update", false, "write schema.txt from the types of k8s.io/api")

// TestSchemaIsThatOfKubernetes derives the schema from the Go types of k8s.io/api, and holds the file to it. After an
// update of k8s.io/api: go test ./agent/extract/protobuf -run TestSchemaIsThatOfKubernetes -update.
func TestSchemaIsThatOfKubernetes(t *testing.T) {
	want := derive(t, kinds.Scheme(t))
	if *update {
		if err := os.WriteFile("schema.txt", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile("schema.txt"); err != nil || !bytes.Equal(have, want) {
		t.Errorf("schema.txt (%d bytes, %v) is not what the types say (%d bytes); run this test with -update", len(have), err, len(want))
	}
}

// derive writes down every kind that is stored, and what it consists of.
func derive(t *testing.T, scheme *runtime.Scheme) []byte {
	t.Helper()
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Derived from the types of k8s.io/api %s; see schema.go. Do not edit.\n", kinds.Module(t, "{{.Version}}", "k8s.io/api"))
	var lines []string
	w := deriver{t: t, seen: map[reflect.Type]bool{}, texts: map[string]string{}}
	for gvk, typ := range scheme.AllKnownTypes() {
		if _, stored := typ.FieldByName("ObjectMeta"); !stored || gvk.Version == runtime.APIVersionInternal {
			continue
		}
		since, until := lifeOf(typ)
		lines = append(lines, fmt.Sprintf("kind %s %s %s %d %d\n", gvk.GroupVersion(), gvk.Kind, w.message(typ), since, until))
	}
	slices.Sort(lines)
	out.WriteString(strings.Join(lines, ""))
	var names []string
	for name := range w.texts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out.WriteString("type " + name + "\n" + w.texts[name])
	}
	return out.Bytes()
}

// lifeOf returns the minor releases that serve a kind first, and no longer, as its type tells them; 0 if it does not.
func lifeOf(typ reflect.Type) (since, until int) {
	object := reflect.New(typ).Interface()
	if of, tells := object.(interface{ APILifecycleIntroduced() (int, int) }); tells {
		_, since = of.APILifecycleIntroduced()
	}
	if of, tells := object.(interface{ APILifecycleRemoved() (int, int) }); tells {
		_, until = of.APILifecycleRemoved()
	}
	return since, until
}

type deriver struct {
	t     *testing.T
	seen  map[reflect.Type]bool
	texts map[string]string
}

// message gives the name of a struct type, and writes it down when it is seen first.
func (w *deriver) message(typ reflect.Type) string {
	path := strings.TrimPrefix(strings.TrimPrefix(typ.PkgPath(), "k8s.io/api/"), "k8s.io/apimachinery/pkg/apis/")
	name := path + "." + typ.Name()
	if w.seen[typ] {
		return name
	}
	w.seen[typ] = true
	var text strings.Builder
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Type == reflect.TypeFor[metav1.TypeMeta]() {
			continue // it is in the envelope
		}
		number := strings.Split(f.Tag.Get("protobuf"), ",")
		label, flags, _ := strings.Cut(f.Tag.Get("json"), ",")
		if len(number) < 2 || f.PkgPath != "" {
			w.t.Errorf("%s.%s has no protobuf tag", name, f.Name)
			continue
		}
		line := "  " + number[1] + " "
		if label == "" {
			if !f.Anonymous && flags != "inline" {
				w.t.Errorf("%s.%s has no name in JSON", name, f.Name)
			}
			label = "."
		}
		line += label + " " + w.field(f.Type, name+"."+f.Name)
		for flag := range strings.SplitSeq(flags, ",") {
			switch flag {
			case "omitempty":
				line += " omitempty"
			case "omitzero":
				if singles[f.Type] != "time" {
					w.t.Errorf("%s.%s: omitzero is not known here", name, f.Name)
				}
				line += " omitzero"
			case "", "inline":
			default:
				w.t.Errorf("%s.%s: flag %s", name, f.Name, flag)
			}
		}
		text.WriteString(line + "\n")
	}
	w.texts[name] = text.String()
	return name
}

// field names the type of a field as schema.go reads it.
func (w *deriver) field(typ reflect.Type, where string) string {
	switch {
	case typ.Kind() == reflect.Slice && typ.Elem().Kind() != reflect.Uint8:
		return "[]" + w.single(typ.Elem(), where)
	case typ.Kind() == reflect.Map:
		if typ.Key().Kind() != reflect.String {
			w.t.Errorf("%s: the keys of %s are no strings", where, typ)
		}
		return "map:" + w.single(typ.Elem(), where)
	case typ.Kind() == reflect.Pointer:
		return "*" + w.single(typ.Elem(), where)
	}
	return w.single(typ, where)
}

// singles are the types whose JSON is made by code.
var singles = map[reflect.Type]string{
	reflect.TypeFor[metav1.Time]():          "time",
	reflect.TypeFor[metav1.MicroTime]():     "microtime",
	reflect.TypeFor[metav1.Duration]():      "duration",
	reflect.TypeFor[metav1.FieldsV1]():      "embedded",
	reflect.TypeFor[runtime.RawExtension](): "embedded",
	reflect.TypeFor[resource.Quantity]():    "quantity",
	reflect.TypeFor[intstr.IntOrString]():   "intorstring",
}

func (w *deriver) single(typ reflect.Type, where string) string {
	if name, known := singles[typ]; known {
		return name
	}
	if typ.Implements(reflect.TypeFor[json.Marshaler]()) || reflect.PointerTo(typ).Implements(reflect.TypeFor[json.Marshaler]()) {
		w.t.Errorf("%s: the JSON of %s is made by code that is not known here", where, typ)
	}
	switch typ.Kind() {
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64:
		return strings.TrimSuffix(strings.TrimSuffix(typ.Kind().String(), "32"), "64")
	case reflect.Slice:
		if typ.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		if typ.Elem().Kind() == reflect.String {
			return "strings" // a message around a list, such as the ExtraValue of certificates
		}
	case reflect.Struct:
		return w.message(typ)
	}
	w.t.Errorf("%s: %s is not known here", where, typ)
	return "?"
}
