package apply

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/extract/notation"
	"github.com/etcdward/etcdward/agent/extract/object"
	"github.com/etcdward/etcdward/test/kinds"
)

// prepare prepares an object that no cluster is known of.
func prepare(tree map[string]any) Verdict {
	o := read(tree)
	return New().Prepare(&o)
}

// read is the object of a tree.
func read(tree map[string]any) object.Object {
	o := object.Object{Encoding: object.JSON, Tree: tree}
	o.APIVersion, _ = tree["apiVersion"].(string)
	o.Kind, _ = tree["kind"].(string)
	meta, _ := tree["metadata"].(map[string]any)
	o.Namespace, _ = meta["namespace"].(string)
	o.Name, _ = meta["name"].(string)
	return o
}

// TestForApply holds what is stripped, what is kept, and what is left out.
func TestForApply(t *testing.T) {
	const server = `"uid":"u","resourceVersion":"5","generation":2,"creationTimestamp":"2026-01-01T00:00:00Z","deletionTimestamp":"2026-01-02T00:00:00Z",` +
		`"deletionGracePeriodSeconds":30,"managedFields":[{"manager":"x"}],"selfLink":"/x",`
	for name, test := range map[string]struct{ stored, want string }{
		"service": {`{"kind":"Service","metadata":{` + server + `"name":"s","labels":{"a":"b"},"annotations":{"c":"d"}},"spec":{"clusterIP":"10.0.0.1"},"status":{"loadBalancer":{}}}`,
			`{"kind":"Service","metadata":{"name":"s","labels":{"a":"b"},"annotations":{"c":"d"}},"spec":{"clusterIP":"10.0.0.1"}}`},
		"owner that is no controller": {`{"kind":"Secret","metadata":{"name":"s","ownerReferences":[{"kind":"A","name":"b","uid":"1"}]}}`, `{"kind":"Secret","metadata":{"name":"s"}}`},
		"event":                       {`{"kind":"Event","metadata":{"name":"s"}}`, "events are of the past"},
		"newer event":                 {`{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"s"}}`, "events are of the past"},
		"ranges":                      {`{"apiVersion":"v1","kind":"RangeAllocation","metadata":{}}`, "keeps it for itself"},
		"lease of a master":           {`{"apiVersion":"v1","kind":"Endpoints","metadata":{}}`, "keeps it for itself"},
		"endpoints":                   {`{"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"s"}}`, `{"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"s"}}`},
		"event of others":             {`{"apiVersion":"example.com/v1","kind":"Event"}`, `{"apiVersion":"example.com/v1","kind":"Event"}`},
		"finalizers": {`{"kind":"Widget","metadata":{"finalizers":["foregroundDeletion","example.com/keep"]},"spec":{}}`,
			`{"kind":"Widget","metadata":{"finalizers":["example.com/keep"]},"spec":{}}`},
		"no finalizers left": {`{"kind":"Widget","metadata":{"finalizers":["orphan"]}}`, `{"kind":"Widget","metadata":{}}`},
		"pod":                {`{"kind":"Pod","metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[]}}`, `{"kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[]}}`},
		"job": {`{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j","labels":{"controller-uid":"1","job-name":"j","mine":"x"}},"spec":{"selector":{"matchLabels":{"controller-uid":"1"}},"template":{"metadata":{"labels":{"controller-uid":"1","batch.kubernetes.io/controller-uid":"1","job-name":"j","batch.kubernetes.io/job-name":"j","mine":"x"}}}},"status":{"active":1}}`,
			`{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j","labels":{"mine":"x"}},"spec":{"template":{"metadata":{"labels":{"mine":"x"}}}}}`},
		"job of others": {`{"apiVersion":"batch.volcano.sh/v1","kind":"Job","metadata":{},"spec":{"selector":{"a":"b"}},"status":{"conditions":[{"type":"Complete","status":"True"}]}}`,
			`{"apiVersion":"batch.volcano.sh/v1","kind":"Job","metadata":{},"spec":{"selector":{"a":"b"}},"status":{"conditions":[{"type":"Complete","status":"True"}]}}`},
		"pod that has ended":             {`{"kind":"Pod","metadata":{"name":"p"},"status":{"phase":"Succeeded"}}`, "would run again"},
		"pod that has failed":            {`{"kind":"Pod","metadata":{"name":"p"},"status":{"phase":"Failed"}}`, "would run again"},
		"pod that runs":                  {`{"kind":"Pod","metadata":{"name":"p"},"status":{"phase":"Running"}}`, `{"kind":"Pod","metadata":{"name":"p"}}`},
		"static pod":                     {`{"kind":"Pod","metadata":{"name":"p","annotations":{"kubernetes.io/config.mirror":"1"}},"status":{"phase":"Running"}}`, "its kubelet makes"},
		"pod looked into":                {`{"kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[],"ephemeralContainers":[{"name":"debug"}]}}`, `{"kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[]}}`},
		"job with a selector of its own": {`{"apiVersion":"batch/v1","kind":"Job","metadata":{},"spec":{"manualSelector":true,"selector":{"a":"b"}}}`, `{"apiVersion":"batch/v1","kind":"Job","metadata":{},"spec":{"manualSelector":true,"selector":{"a":"b"}}}`},
		"job that has ended":             {`{"apiVersion":"batch/v1","kind":"Job","metadata":{},"status":{"conditions":[{"type":"Complete","status":"True"}]}}`, "would run again"},
		"job that has failed":            {`{"apiVersion":"batch/v1","kind":"Job","metadata":{},"status":{"conditions":[{"type":"Failed","status":"True"}]}}`, "would run again"},
		"job that is suspended":          {`{"apiVersion":"batch/v1","kind":"Job","metadata":{},"spec":{},"status":{"conditions":[{"type":"Suspended","status":"True"}]}}`, `{"apiVersion":"batch/v1","kind":"Job","metadata":{},"spec":{}}`},
		"token": {`{"kind":"Secret","type":"kubernetes.io/service-account-token","metadata":{"annotations":{"kubernetes.io/service-account.uid":"1","kubernetes.io/service-account.name":"a"}},"data":{"token":"x"}}`,
			`{"kind":"Secret","type":"kubernetes.io/service-account-token","metadata":{"annotations":{"kubernetes.io/service-account.name":"a"}}}`},
		"nothing in it": {`{"apiVersion":"batch/v1","kind":"Job"}`, `{"apiVersion":"batch/v1","kind":"Job"}`},
		"odd types":     {`{"apiVersion":"batch/v1","kind":"Job","metadata":[],"spec":"x","status":1}`, `{"apiVersion":"batch/v1","kind":"Job","metadata":[],"spec":"x"}`},
	} {
		v, _, err := notation.Parse([]byte(test.stored))
		if err != nil {
			t.Fatal(err)
		}
		tree := v.(map[string]any)
		leftOut := prepare(tree).LeftOut
		if !strings.HasPrefix(test.want, "{") {
			if !strings.Contains(leftOut, test.want) {
				t.Errorf("%s: left out for %q", name, leftOut)
			}
			continue
		}
		if diff := kinds.Difference("", kinds.Plain(t, tree), kinds.Plain(t, json.RawMessage(test.want))); leftOut != "" || diff != "" {
			t.Errorf("%s: %s %s", name, leftOut, diff)
		}
	}
}
