package protobuf

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/etcdward/etcdward/agent/extract/notation"
	"github.com/etcdward/etcdward/test/kinds"
)

// TestAgainstTypes makes objects of every kind by chance, with fields that are there, empty and missing, and holds what comes
// of their protobuf to what Kubernetes' own types say of it in JSON.
func TestAgainstTypes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	chance := filler{rand.New(rand.NewPCG(seed, 0))}
	count, objects := 0, 0
	for gvk, typ := range kinds.Scheme(t).AllKnownTypes() {
		if _, stored := typ.FieldByName("ObjectMeta"); !stored || gvk.Version == runtime.APIVersionInternal {
			continue
		}
		count++
		for range 20 {
			made, read := reflect.New(typ), reflect.New(typ)
			chance.fill(made.Elem(), 0)
			value := kinds.Encode(t, made.Interface(), gvk.GroupVersion().String(), gvk.Kind)
			raw, err := made.Interface().(kinds.Protobuf).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if err := read.Interface().(kinds.Protobuf).Unmarshal(raw); err != nil {
				t.Fatalf("%s: %v", gvk, err)
			}
			read.Elem().FieldByName("TypeMeta").Set(reflect.ValueOf(metav1.TypeMeta{APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind}))
			text, err := json.Marshal(read.Interface())
			if err != nil {
				t.Fatalf("%s: %v", gvk, err)
			}
			got, err := Decode(value[len(Mark):])
			if err != nil || len(got.Lost) > 0 {
				t.Fatalf("%s: %v %s", gvk, err, got.Lost)
			}
			if diff := kinds.Difference("", kinds.Plain(t, got.Tree), kinds.Plain(t, json.RawMessage(text))); diff != "" {
				t.Fatalf("%s: %s", gvk, diff)
			}
			if _, err := notation.YAML(got.Tree); err != nil {
				t.Errorf("%s: %v", gvk, err)
			}
			objects++
		}
	}
	t.Logf("%d objects of %d kinds", objects, count)
	if count < 150 {
		t.Error("too few")
	}
}

// holdToTypes compares what was decoded with what Kubernetes' own types make of it, where they give the same bytes again.
func holdToTypes(t *testing.T, scheme *runtime.Scheme, wire []byte, got Object) {
	t.Helper()
	var whole runtime.Unknown
	if err := whole.Unmarshal(wire); err != nil {
		return
	}
	gvk := apischema.FromAPIVersionAndKind(whole.APIVersion, whole.Kind)
	object, err := scheme.New(gvk)
	if err != nil || object.(kinds.Protobuf).Unmarshal(whole.Raw) != nil {
		return
	}
	if again, err := object.(kinds.Protobuf).Marshal(); err != nil || !bytes.Equal(again, whole.Raw) {
		return
	}
	object.GetObjectKind().SetGroupVersionKind(gvk)
	text, err := json.Marshal(object)
	if err != nil {
		return
	}
	if diff := kinds.Difference("", kinds.Plain(t, got.Tree), kinds.Plain(t, json.RawMessage(text))); diff != "" {
		t.Errorf("%s: %s", gvk, diff)
	}
}

// filler makes values by chance.
type filler struct{ *rand.Rand }

func (f filler) fill(v reflect.Value, depth int) {
	switch p := v.Addr().Interface().(type) {
	case *metav1.Time:
		if f.IntN(3) > 0 {
			*p = metav1.Unix(f.Int64N(1<<33), 0)
		}
		return
	case *metav1.MicroTime:
		*p = metav1.NewMicroTime(time.UnixMicro(f.Int64N(1 << 53)))
		return
	case *metav1.Duration:
		p.Duration = time.Duration(f.Int64())
		return
	case *metav1.TypeMeta:
		return
	case *metav1.FieldsV1:
		p.SetRawString(`{"f:spec":{"k:{\"name\":\"<a>\"}":{".":{}},"v:1":{}}}`)
		return
	case *runtime.RawExtension:
		p.Raw = [][]byte{nil, []byte(`{}`), []byte(`{"a":[1,2.5,"x",null,true,12345678901234567]}`), []byte(`"text"`)}[f.IntN(4)]
		return
	case *resource.Quantity:
		*p = resource.MustParse([]string{"0", "100m", "1Gi", "1500", "2k", "1.5"}[f.IntN(6)])
		return
	case *intstr.IntOrString:
		*p = []intstr.IntOrString{intstr.FromInt32(0), intstr.FromInt32(-5), intstr.FromString(""), intstr.FromString("25%")}[f.IntN(4)]
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"", "a", "null", "~", "1e3", "0x1F", "yes", "a: b", "- x\n- y\n", "\ttab\n\n  ", "# no", "é\u2028\u0085\ufeff\U0001F600", "<&>", "\x00\x07\x7f"}[f.IntN(14)])
	case reflect.Bool:
		v.SetBool(f.IntN(2) == 0)
	case reflect.Int32:
		v.SetInt(int64(int32(f.Uint32() >> f.IntN(32))))
	case reflect.Int64:
		v.SetInt(int64(f.Uint64() >> f.IntN(64)))
	case reflect.Pointer:
		if f.IntN(3) > 0 && depth < 20 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i), depth+1)
		}
	case reflect.Slice:
		for range f.IntN(3) * (20 / (20 + depth)) {
			element := reflect.New(v.Type().Elem()).Elem()
			f.fill(element, depth+1)
			v.Set(reflect.Append(v, element))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range f.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key, depth+1)
			f.fill(value, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.Uint8:
		v.SetUint(uint64(f.IntN(256)))
	}
}
