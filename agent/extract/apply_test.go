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
