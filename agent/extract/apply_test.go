package extract

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestForApply holds what is stripped, what is kept, and what is left out.
func TestForApply(t *testing.T) {
	const server = `"uid":"u","resourceVersion":"5","generation":2,"creationTimestamp":"2026-01-01T00:00:00Z","deletionTimestamp":"2026-01-02T00:00:00Z",` +
		`"deletionGracePeriodSeconds":30,"managedFields":[{"manager":"x"}],"selfLink":"/x",`
	for name, test := range map[string]struct{ stored, want string }{
		"service": {`{"kind":"Service","metadata":{` + server + `"name":"s","labels":{"a":"b"},"annotations":{"c":"d"}},"spec":{"clusterIP":"10.0.0.1"},"status":{"loadBalancer":{}}}`,
			`{"kind":"Service","metadata":{"name":"s","labels":{"a":"b"},"annotations":{"c":"d"}},"spec":{"clusterIP":"10.0.0.1"}}`},
		"owner that is no controller": {`{"kind":"Secret","metadata":{"name":"s","ownerReferences":[{"kind":"A","name":"b","uid":"1"}]}}`, `{"kind":"Secret","metadata":{"name":"s"}}`},
		"controller":                  {`{"kind":"ReplicaSet","metadata":{"name":"s","ownerReferences":[{"kind":"Deployment","name":"web","uid":"1","controller":true}]}}`, "made anew by its Deployment web"},
		"event":                       {`{"kind":"Event","metadata":{"name":"s"}}`, "events are of the past"},
		"finalizers": {`{"kind":"Widget","metadata":{"finalizers":["foregroundDeletion","example.com/keep"]},"spec":{}}`,
			`{"kind":"Widget","metadata":{"finalizers":["example.com/keep"]},"spec":{}}`},
		"no finalizers left": {`{"kind":"Widget","metadata":{"finalizers":["orphan"]}}`, `{"kind":"Widget","metadata":{}}`},
		"pod":                {`{"kind":"Pod","metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[]}}`, `{"kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[]}}`},
		"job": {`{"kind":"Job","metadata":{"name":"j"},"spec":{"selector":{"matchLabels":{"controller-uid":"1"}},"template":{"metadata":{"labels":{"controller-uid":"1","batch.kubernetes.io/controller-uid":"1","job-name":"j","batch.kubernetes.io/job-name":"j","mine":"x"}}}},"status":{"active":1}}`,
			`{"kind":"Job","metadata":{"name":"j"},"spec":{"template":{"metadata":{"labels":{"mine":"x"}}}}}`},
		"job with a selector of its own": {`{"kind":"Job","metadata":{},"spec":{"manualSelector":true,"selector":{"a":"b"}}}`, `{"kind":"Job","metadata":{},"spec":{"manualSelector":true,"selector":{"a":"b"}}}`},
		"job that has ended":             {`{"kind":"Job","metadata":{},"status":{"conditions":[{"type":"Complete","status":"True"}]}}`, "would run again"},
		"job that has failed":            {`{"kind":"Job","metadata":{},"status":{"conditions":[{"type":"Failed","status":"True"}]}}`, "would run again"},
		"job that is suspended":          {`{"kind":"Job","metadata":{},"spec":{},"status":{"conditions":[{"type":"Suspended","status":"True"}]}}`, `{"kind":"Job","metadata":{},"spec":{}}`},
		"token": {`{"kind":"Secret","type":"kubernetes.io/service-account-token","metadata":{"annotations":{"kubernetes.io/service-account.uid":"1","kubernetes.io/service-account.name":"a"}},"data":{"token":"x"}}`,
			`{"kind":"Secret","type":"kubernetes.io/service-account-token","metadata":{"annotations":{"kubernetes.io/service-account.name":"a"}}}`},
		"nothing in it": {`{"kind":"Job"}`, `{"kind":"Job"}`},
		"odd types":     {`{"kind":"Job","metadata":[],"spec":"x","status":1}`, `{"kind":"Job","metadata":[],"spec":"x"}`},
	} {
		v, _, err := parseJSON([]byte(test.stored))
		if err != nil {
			t.Fatal(err)
		}
		tree := v.(map[string]any)
		leftOut := forApply(tree)
		if !strings.HasPrefix(test.want, "{") {
			if !strings.Contains(leftOut, test.want) {
				t.Errorf("%s: left out for %q", name, leftOut)
			}
			continue
		}
		if diff := difference("", plain(t, tree), plain(t, json.RawMessage(test.want))); leftOut != "" || diff != "" {
			t.Errorf("%s: %s %s", name, leftOut, diff)
		}
	}
}

// TestForApplyIndex holds that what is left out stands in the index, and nowhere else.
func TestForApplyIndex(t *testing.T) {
	owned := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"b","ownerReferences":[{"kind":"ReplicaSet","name":"r","controller":true}]}}`
	x := run(t, Extractor{Selection: Selection{Prefix: Registry, Namespace: "b"}, ForApply: true},
		handmade(t, pair{"/registry/pods/b/p", owned}, pair{"/registry/configmaps/b/a", configMap(t, "")}))
	if x.LeftOut != 1 || x.Objects != 1 || !x.Whole() {
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
