package object

import (
	"strings"
	"testing"
)

// TestDecode holds what is read of a value besides its tree.
func TestDecode(t *testing.T) {
	for name, test := range map[string]struct {
		value string
		want  Object
	}{
		"JSON":      {`{"apiVersion":"v1","kind":"A","metadata":{"name":"n","namespace":"s"}}`, Object{Encoding: JSON, APIVersion: "v1", Kind: "A", Namespace: "s", Name: "n"}},
		"no kind":   {`{"apiVersion":"v1"}`, Object{Encoding: Raw, Note: "JSON, but no object of Kubernetes"}},
		"text":      {"x", Object{Encoding: Raw, Note: "no object of Kubernetes"}},
		"encrypted": {"k8s:enc:kms:v2:vault:x", Object{Encoding: Encrypted, Note: "encrypted at rest by kms with the key vault"}},
		"large":     {strings.Repeat("{", MaxBytes+1), Object{Encoding: Raw, Note: "8388609 bytes, more than any object of Kubernetes"}},
	} {
		got := Decode([]byte("/a"), []byte(test.value), nil)
		if (got.Tree == nil) != (test.want.Encoding != JSON) {
			t.Errorf("%s: %v", name, got.Tree)
		}
		if got.Tree = nil; got.Encoding != test.want.Encoding || got.APIVersion != test.want.APIVersion || got.Kind != test.want.Kind || got.Namespace != test.want.Namespace || got.Name != test.want.Name || got.Note != test.want.Note {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
