package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/etcdward/etcdward/agent/extract/notation"
	"github.com/etcdward/etcdward/agent/extract/object"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/kinds"
)

// into reads a file of YAML as strictly as an API server does.
func (x extracted) into(t *testing.T, key string, object any) {
	t.Helper()
	line, there := x.index[key]
	if !there || !strings.HasSuffix(line.File, endYAML) {
		t.Fatalf("%s: %+v", key, line)
	}
	if err := yaml.UnmarshalStrict(x.read(t, line.File), object); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
}

// applied is what kubectl was given for an object, which it notes in the object.
func applied(t *testing.T, annotations map[string]string, object any) {
	t.Helper()
	if err := json.Unmarshal([]byte(annotations["kubectl.kubernetes.io/last-applied-configuration"]), object); err != nil {
		t.Fatal(err)
	}
}

// TestNamespaces brings each namespace of the fixture back and holds it to what was written.
func TestNamespaces(t *testing.T) {
	path := fixtureFile(t)
	for team := range 8 {
		name := fmt.Sprintf("team-%d", team)
		x := run(t, Extractor{Selection: Selection{Prefix: Registry, Namespace: name}}, path)
		want := []Count{{"v1", "ConfigMap", 30}, {"apps/v1", "Deployment", 10}, {"v1", "Namespace", 1}, {"v1", "Secret", 10}}
		if !reflect.DeepEqual(x.Kinds, want) || !x.Whole() || x.Objects != 51 || x.LeftOut != 0 || len(x.index) != 51 {
			t.Fatalf("%s: %+v, %d in the index", name, x.Outcome, len(x.index))
		}
		for i := range 30 {
			var got, wrote corev1.ConfigMap
			x.into(t, fmt.Sprintf("/registry/configmaps/%s/cm-%d", name, i), &got)
			applied(t, got.Annotations, &wrote)
			if text := got.Data["config.yaml"]; len(got.Data) != 1 || !reflect.DeepEqual(got.Data, wrote.Data) || !strings.HasPrefix(text, "x: ") || len(text) < 300 {
				t.Errorf("%s/cm-%d: %q, written was %q", name, i, got.Data, wrote.Data)
			}
		}
		for i := range 10 {
			var secret corev1.Secret
			x.into(t, fmt.Sprintf("/registry/secrets/%s/s-%d", name, i), &secret)
			if want := fmt.Sprintf("hunter2-%d-%d", team, i); string(secret.Data["password"]) != want || len(secret.Data) != 1 || secret.Type != "Opaque" {
				t.Errorf("%s/s-%d: %q %s", name, i, secret.Data, secret.Type)
			}
			var app appsv1.Deployment
			x.into(t, fmt.Sprintf("/registry/deployments/%s/app-%d", name, i), &app)
			containers := app.Spec.Template.Spec.Containers
			if *app.Spec.Replicas != 3 || len(containers) != 1 || containers[0].Image != fmt.Sprintf("registry.example.test/app:%d", i) ||
				app.Spec.Selector.MatchLabels["app"] != fmt.Sprintf("a%d", i) {
				t.Errorf("%s/app-%d: %+v", name, i, app.Spec)
			}
		}
		var ns corev1.Namespace
		x.into(t, "/registry/namespaces/"+name, &ns)
		if deleted := team == 7; ns.Name != name || deleted != (ns.DeletionTimestamp != nil) || deleted != (ns.Status.Phase == "Terminating") || ns.UID == "" {
			t.Errorf("%s: %+v", name, ns)
		}
	}
}

// TestEncodesBack holds each of all objects of the fixture to the very bytes that were stored: the YAML, read into Kubernetes'
// own types and encoded again, gives them.
func TestEncodesBack(t *testing.T) {
	path := fixtureFile(t)
	x := run(t, Extractor{Selection: Selection{Prefix: Registry}}, path)
	scheme := kinds.Scheme(t)
	encoded, asJSON := 0, 0
	err := snapshot.Walk(t.Context(), path, "", func(e snapshot.Entry) error {
		line, there := x.index[string(e.Key)]
		if strings.HasPrefix(string(e.Key), Registry) != there {
			t.Errorf("%s: in the index is %+v", e.Key, line)
		}
		if !there {
			return nil
		}
		if line.ModRevision != e.ModRevision {
			t.Errorf("%s: %+v", e.Key, line)
		}
		text := x.read(t, line.File)
		if line.Encoding == object.JSON {
			got, err := yaml.YAMLToJSON(text)
			if want, _, parse := notation.Parse(e.Value); err != nil || parse != nil || kinds.Difference("", kinds.Plain(t, want), kinds.Plain(t, json.RawMessage(got))) != "" {
				t.Errorf("%s: %v", e.Key, err)
			}
			asJSON++
			return nil
		}
		made, err := scheme.New(apischema.FromAPIVersionAndKind(line.APIVersion, line.Kind))
		if err != nil {
			return err
		}
		if err := yaml.UnmarshalStrict(text, made); err != nil {
			t.Errorf("%s: %v", e.Key, err)
		}
		if got := kinds.Encode(t, made, line.APIVersion, line.Kind); !bytes.Equal(got, e.Value) {
			t.Errorf("%s: other bytes:\n%q\n%q", e.Key, got, e.Value)
		}
		encoded++
		return nil
	})
	if err != nil || encoded != 574 || asJSON != 21 || x.Objects != 595 || !x.Whole() {
		t.Errorf("%d encode back, %d in JSON, %+v, %v", encoded, asJSON, x.Outcome, err)
	}
}

// TestFixtureForApply holds that everything that is written of a whole cluster has a name and a kind that an API server takes.
func TestFixtureForApply(t *testing.T) {
	x := run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true}, fixtureFile(t))
	if x.LeftOut != 183 || x.Objects != 412 || x.Unowned != 0 || !x.Whole() {
		t.Errorf("%+v", x.Outcome)
	}
	for key, line := range x.index {
		mine := strings.HasPrefix(line.Namespace, "team-") || line.Kind == "Namespace"
		if (line.LeftOut == "") != mine {
			t.Errorf("%s: %+v", key, line)
		}
	}
}
