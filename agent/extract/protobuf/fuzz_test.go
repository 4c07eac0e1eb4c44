package protobuf

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/etcdward/etcdward/agent/extract/notation"
	"github.com/etcdward/etcdward/test/kinds"
)

// FuzzDecode reads any bytes. An object can be written and read again, or the writer refuses it; and one that Kubernetes' own
// types read and write without a change is what their JSON is.
func FuzzDecode(f *testing.F) {
	f.Add(kinds.Encode(f, &corev1.ConfigMap{Data: map[string]string{"k": "v"}}, "v1", "ConfigMap")[len(Mark):])
	scheme := kinds.Scheme(f)
	f.Fuzz(func(t *testing.T, wire []byte) {
		got, err := Decode(wire)
		if err != nil {
			return
		}
		_, _, _ = notation.Write(got.Tree) // it must not panic; it may refuse a text that is not UTF-8
		if len(got.Lost) == 0 {
			holdToTypes(t, scheme, wire, got)
		}
	})
}
