package extract

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestForApplyIndex holds that what is left out stands in the index, and nowhere else.
func TestForApplyIndex(t *testing.T) {
	x := run(t, Extractor{Selection: Selection{Prefix: Registry, Namespace: "b"}, ForApply: true},
		handmade(t, pair{"/registry/pods/b/p", owned("v1 Pod p 1", "apps/v1 ReplicaSet r 2", "")}, pair{"/registry/configmaps/b/a", configMap(t, "")},
			pair{"/registry/replicasets/b/r", owned("apps/v1 ReplicaSet r 2", "", "")}))
	if x.LeftOut != 1 || x.Objects != 2 || x.Unowned != 0 || !x.Whole() {
		t.Errorf("%+v", x.Outcome)
	}
	if line := x.index["/registry/pods/b/p"]; line.File != "" || line.LeftOut != "made anew by its ReplicaSet r" {
		t.Errorf("%+v", line)
	}
	var got corev1.ConfigMap
	text := x.read(t, x.index["/registry/configmaps/b/a"].File)
	if err := yaml.UnmarshalStrict(text, &got); err != nil || got.Name != "a" || got.Data["k"] != "v" || strings.Contains(string(text), "creationTimestamp") {
		t.Errorf("%v %s", err, text)
	}
}

// TestDoubtful holds that an object of a version that no server is known to serve is written, noted, counted and named.
func TestDoubtful(t *testing.T) {
	const key = "/registry/deviceclasses/gpu"
	path := handmade(t, pair{key, `{"apiVersion":"resource.k8s.io/v1beta2","kind":"DeviceClass","metadata":{"name":"gpu"},"spec":{}}`},
		pair{"/registry/widgets/w", `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"status":{}}`}, pair{"/registry/odd", "k8s:enc:kms:v2:vault:x"})
	x := run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true}, path)
	if line := x.index[key]; !line.Doubtful || line.Lossy || line.APIVersion != "resource.k8s.io/v1" || line.File != "objects/03-classes/registry/deviceclasses/gpu.yaml" ||
		!strings.Contains(line.Note, "servers serve since 1.34") {
		t.Errorf("%+v", line)
	}
	if line := x.index["/registry/widgets/w"]; line.Doubtful || !strings.Contains(line.Note, "not in the snapshot") || line.File != "objects/13-custom/registry/widgets/w.yaml" {
		t.Errorf("%+v", line)
	}
	if x.Doubtful != 1 || x.Encrypted != 1 || x.Objects != 2 || x.Whole() || len(x.Reasons) != 2 {
		t.Errorf("%+v", x.Outcome)
	}
	want := []string{
		"Not everything is whole: 1 encrypted at rest, 1 that an API server may refuse; index.jsonl names them:",
		"  1: encrypted at rest by kms with the key vault",
		"  1: written as resource.k8s.io/v1, which servers serve since 1.34: which one the snapshot is from is not known",
	}
	if got := x.Remarks(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	if stored := run(t, Extractor{Selection: Selection{Prefix: Registry}}, path); stored.Doubtful != 0 || stored.index[key].APIVersion != "resource.k8s.io/v1beta2" {
		t.Errorf("as it is stored: %+v", stored.Outcome)
	}
}
