package apply

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/extract/notation"
	"github.com/etcdward/etcdward/agent/extract/object"
	"github.com/etcdward/etcdward/agent/extract/protobuf"
	"github.com/etcdward/etcdward/test/kinds"
)

// parsed is the object of a JSON text.
func parsed(t testing.TB, text string) object.Object {
	t.Helper()
	v, _, err := notation.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return read(v.(map[string]any))
}

// learned is a cluster that has these objects.
func learned(t testing.TB, texts ...string) *Cluster {
	t.Helper()
	c := New()
	for _, text := range texts {
		if err := c.Learn(parsed(t, text), true); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// serving is a cluster whose API servers list these apiVersions.
func serving(t testing.TB, apiVersions ...string) *Cluster {
	t.Helper()
	var texts []string
	for _, apiVersion := range append(apiVersions, "v1") {
		group, version, grouped := strings.Cut(apiVersion, "/")
		if !grouped {
			group, version = "", apiVersion
		}
		texts = append(texts, fmt.Sprintf(`{"apiVersion":"apiregistration.k8s.io/v1","kind":"APIService","metadata":{"name":"%s.%s"},"spec":{"group":%q,"version":%q}}`, version, group, group, version))
	}
	return learned(t, texts...)
}

// of34 are the apiVersions that a kube-apiserver 1.34.3 serves by default.
var of34 = []string{"admissionregistration.k8s.io/v1", "apiextensions.k8s.io/v1", "apiregistration.k8s.io/v1", "apps/v1", "authentication.k8s.io/v1", "authorization.k8s.io/v1",
	"autoscaling/v1", "autoscaling/v2", "batch/v1", "certificates.k8s.io/v1", "coordination.k8s.io/v1", "discovery.k8s.io/v1", "events.k8s.io/v1",
	"flowcontrol.apiserver.k8s.io/v1", "networking.k8s.io/v1", "node.k8s.io/v1", "policy/v1", "rbac.authorization.k8s.io/v1", "resource.k8s.io/v1", "scheduling.k8s.io/v1", "storage.k8s.io/v1"}

// TestMinor holds from what the release of the API servers is known.
func TestMinor(t *testing.T) {
	node := `{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"status":{"nodeInfo":{"kubeletVersion":"%s"}}}`
	kubeadm := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"kubeadm-config","namespace":"kube-system"},"data":{"ClusterConfiguration":"a: b\nkubernetesVersion: v1.31.2\n"}}`
	for name, test := range map[string]struct {
		cluster *Cluster
		want    int
	}{
		"versions of 1.34":     {serving(t, of34...), 34},
		"kubelets":             {learned(t, fmt.Sprintf(node, "v1.27.3+k3s1"), fmt.Sprintf(node, "v1.26.9")), 27},
		"kubeadm":              {learned(t, kubeadm, fmt.Sprintf(node, "v1.29.0")), 31},
		"kubelet says nothing": {learned(t, fmt.Sprintf(node, "")), protobuf.Newest()},
		"a kind of 1.36":       {learned(t, fmt.Sprintf(node, "v1.34.0"), `{"apiVersion":"admissionregistration.k8s.io/v1","kind":"MutatingAdmissionPolicy","metadata":{"name":"x"}}`), 36},
		"nothing":              {New(), protobuf.Newest()},
	} {
		if got := test.cluster.minor(); got != test.want {
			t.Errorf("%s: 1.%d, want 1.%d", name, got, test.want)
		}
	}
}

// TestServe holds which version an object is written in, and where that is in doubt.
func TestServe(t *testing.T) {
	full := serving(t, of34...)
	old := serving(t, "apps/v1", "extensions/v1beta1", "networking.k8s.io/v1beta1", "policy/v1beta1", "apiextensions.k8s.io/v1beta1", "batch/v1beta1")
	for name, test := range map[string]struct {
		cluster *Cluster
		stored  string
		want    string
		doubt   string
	}{
		"class of devices":           {full, "resource.k8s.io/v1beta2 DeviceClass", "resource.k8s.io/v1", ""},
		"attributes of volumes":      {full, "storage.k8s.io/v1beta1 VolumeAttributesClass", "storage.k8s.io/v1", ""},
		"definition":                 {full, "apiextensions.k8s.io/v1beta1 CustomResourceDefinition", "apiextensions.k8s.io/v1", ""},
		"stored long ago":            {full, "batch/v1beta1 CronJob", "batch/v1", ""},
		"moved":                      {full, "extensions/v1beta1 Deployment", "apps/v1", ""},
		"moved twice":                {full, "extensions/v1beta1 Ingress", "networking.k8s.io/v1", ""},
		"still served":               {full, "autoscaling/v1 HorizontalPodAutoscaler", "autoscaling/v1", ""},
		"core":                       {full, "v1 Secret", "v1", ""},
		"beta that is served":        {serving(t, append([]string{"resource.k8s.io/v1beta1"}, of34...)...), "resource.k8s.io/v1beta1 ResourceClaim", "resource.k8s.io/v1beta1", ""},
		"kind of a later v1":         {full, "admissionregistration.k8s.io/v1beta1 MutatingAdmissionPolicy", "admissionregistration.k8s.io/v1beta1", "no version of this kind"},
		"beta that was switched on":  {serving(t, append([]string{"admissionregistration.k8s.io/v1beta1"}, of34...)...), "admissionregistration.k8s.io/v1beta1 MutatingAdmissionPolicy", "admissionregistration.k8s.io/v1beta1", ""},
		"another kind of that beta":  {serving(t, append([]string{"networking.k8s.io/v1beta1"}, of34...)...), "networking.k8s.io/v1beta1 Ingress", "networking.k8s.io/v1", ""},
		"gone for good":              {full, "policy/v1beta1 PodSecurityPolicy", "policy/v1beta1", "no version of this kind"},
		"never served":               {full, "lifecycle.k8s.io/v1alpha1 EvictionRequest", "lifecycle.k8s.io/v1alpha1", "no version of this kind"},
		"old server, its own":        {old, "extensions/v1beta1 Ingress", "extensions/v1beta1", ""},
		"old server, definition":     {old, "apiextensions.k8s.io/v1beta1 CustomResourceDefinition", "apiextensions.k8s.io/v1beta1", ""},
		"unknown server, definition": {New(), "apiextensions.k8s.io/v1beta1 CustomResourceDefinition", "apiextensions.k8s.io/v1", ""},
		"unknown server, cron job":   {New(), "batch/v1beta1 CronJob", "batch/v1", ""},
		"unknown server, new kind":   {New(), "resource.k8s.io/v1beta2 DeviceClass", "resource.k8s.io/v1", "which one the snapshot is from is not known"},
		"unknown server, stable":     {New(), "apps/v1 Deployment", "apps/v1", ""},
		"unknown server, alpha":      {New(), "storage.k8s.io/v1alpha1 VolumeAttachment", "storage.k8s.io/v1", ""},
	} {
		apiVersion, kind, _ := strings.Cut(test.stored, " ")
		o := parsed(t, fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":"x"}}`, apiVersion, kind))
		v := test.cluster.Prepare(&o)
		if v.LeftOut != "" || o.APIVersion != test.want || o.Tree["apiVersion"] != test.want || v.Doubtful != (test.doubt != "") || !strings.Contains(strings.Join(v.Remarks, "; "), test.doubt) {
			t.Errorf("%s: %s, %+v", name, o.APIVersion, v)
		}
	}
}

// TestEveryKind holds that each kind of each version, prepared for a server of 1.34, is left out, in a version that it serves, or
// in doubt.
func TestEveryKind(t *testing.T) {
	served := map[string]bool{"v1": true}
	for _, apiVersion := range of34 {
		served[apiVersion] = true
	}
	cluster := serving(t, of34...)
	written, doubted := 0, 0
	for name := range kinds.Scheme(t).AllKnownTypes() {
		if len(protobuf.Versions(name.Kind)) == 0 || name.Kind == "Scale" || name.Version == "__internal" {
			continue
		}
		o := parsed(t, fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":"x","namespace":"y"}}`, name.GroupVersion(), name.Kind))
		v := cluster.Prepare(&o)
		if v.LeftOut != "" {
			continue
		}
		written++
		of := protobuf.Version{}
		for _, version := range protobuf.Versions(o.Kind) {
			if version.APIVersion == o.APIVersion {
				of = version
			}
		}
		good := served[o.APIVersion] && of.Since <= 34 && (of.Until == 0 || of.Until > 34)
		if good == v.Doubtful {
			t.Errorf("%s: written as %s (since 1.%d, until 1.%d): %+v", name, o.APIVersion, of.Since, of.Until, v)
		}
		if v.Doubtful {
			doubted++
		}
	}
	t.Logf("%d written, %d of them in doubt", written, doubted)
	if written < 100 || doubted > 25 {
		t.Error("too few are written, or too many in doubt")
	}
}

// TestConvert holds what becomes of the fields that differ between versions.
func TestConvert(t *testing.T) {
	for name, test := range map[string]struct{ stored, want, doubt string }{
		"ingress": {`{"apiVersion":"networking.k8s.io/v1beta1","kind":"Ingress","metadata":{"name":"i"},"spec":{"backend":{"serviceName":"d","servicePort":"http"},"rules":[{"host":"a","http":{"paths":[{"path":"/","backend":{"serviceName":"s","servicePort":80}},{"pathType":"Exact","backend":{"resource":{"kind":"B","name":"b"},"serviceName":"","servicePort":0}}]}}]}}`,
			`{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"i"},"spec":{"defaultBackend":{"service":{"name":"d","port":{"name":"http"}}},"rules":[{"host":"a","http":{"paths":[{"path":"/","pathType":"ImplementationSpecific","backend":{"service":{"name":"s","port":{"number":80}}}},{"pathType":"Exact","backend":{"resource":{"kind":"B","name":"b"}}}]}}]}}`, ""},
		"budget for no pod": {`{"apiVersion":"policy/v1beta1","kind":"PodDisruptionBudget","metadata":{},"spec":{"selector":{}}}`,
			`{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{},"spec":{"selector":{"matchExpressions":[{"key":"pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match","operator":"Exists"}]}}}`, ""},
		"budget for every pod": {`{"apiVersion":"policy/v1beta1","kind":"PodDisruptionBudget","metadata":{},"spec":{"selector":{"matchExpressions":[{"key":"pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match","operator":"DoesNotExist"}]}}}`,
			`{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{},"spec":{"selector":{}}}`, ""},
		"budget": {`{"apiVersion":"policy/v1beta1","kind":"PodDisruptionBudget","metadata":{},"spec":{"maxUnavailable":"50%","selector":{"matchLabels":{"a":"b"}}}}`,
			`{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{},"spec":{"maxUnavailable":"50%","selector":{"matchLabels":{"a":"b"}}}}`, ""},
		"deployment": {`{"apiVersion":"extensions/v1beta1","kind":"Deployment","metadata":{},"spec":{"rollbackTo":{"revision":1},"replicas":2,"selector":{"matchLabels":{"a":"b"}}}}`,
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{},"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}}}}`, ""},
		"daemon set": {`{"apiVersion":"extensions/v1beta1","kind":"DaemonSet","metadata":{},"spec":{"templateGeneration":4}}`, `{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{},"spec":{}}`, ""},
		"priority level": {`{"apiVersion":"flowcontrol.apiserver.k8s.io/v1beta2","kind":"PriorityLevelConfiguration","metadata":{},"spec":{"type":"Limited","limited":{"assuredConcurrencyShares":7}}}`,
			`{"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"PriorityLevelConfiguration","metadata":{},"spec":{"type":"Limited","limited":{"nominalConcurrencyShares":7}}}`, ""},
		"slice": {`{"apiVersion":"discovery.k8s.io/v1beta1","kind":"EndpointSlice","metadata":{},"endpoints":[{"addresses":["192.0.2.1"],"topology":{"kubernetes.io/hostname":"n","topology.kubernetes.io/zone":"z","rack":"4"}}]}`,
			`{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{},"endpoints":[{"addresses":["192.0.2.1"],"nodeName":"n","zone":"z","deprecatedTopology":{"rack":"4"}}]}`, ""},
		"claim": {`{"apiVersion":"resource.k8s.io/v1beta1","kind":"ResourceClaim","metadata":{},"spec":{"devices":{"requests":[{"name":"a","deviceClassName":"gpu","count":1},{"name":"b","firstAvailable":[{"name":"c","deviceClassName":"gpu"}]}]}}}`,
			`{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{},"spec":{"devices":{"requests":[{"name":"a","exactly":{"deviceClassName":"gpu","count":1}},{"name":"b","firstAvailable":[{"name":"c","deviceClassName":"gpu"}]}]}}}`, ""},
		"template of claims": {`{"apiVersion":"resource.k8s.io/v1beta1","kind":"ResourceClaimTemplate","metadata":{},"spec":{"spec":{"devices":{"requests":[{"name":"a","deviceClassName":"gpu"}]}}}}`,
			`{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaimTemplate","metadata":{},"spec":{"spec":{"devices":{"requests":[{"name":"a","exactly":{"deviceClassName":"gpu"}}]}}}}`, ""},
		"devices": {`{"apiVersion":"resource.k8s.io/v1beta1","kind":"ResourceSlice","metadata":{},"spec":{"devices":[{"name":"a","basic":{"attributes":{"x":{"int":1}}}}]}}`,
			`{"apiVersion":"resource.k8s.io/v1","kind":"ResourceSlice","metadata":{},"spec":{"devices":[{"name":"a","attributes":{"x":{"int":1}}}]}}`, ""},
		"subjects": {`{"apiVersion":"rbac.authorization.k8s.io/v1alpha1","kind":"RoleBinding","metadata":{},"subjects":[{"kind":"User","name":"u","apiVersion":"rbac.authorization.k8s.io/v1alpha1"},{"kind":"ServiceAccount","name":"s","namespace":"n","apiVersion":"v1"}]}`,
			`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{},"subjects":[{"kind":"User","name":"u","apiGroup":"rbac.authorization.k8s.io"},{"kind":"ServiceAccount","name":"s","namespace":"n"}]}`, ""},
		"runtime": {`{"apiVersion":"node.k8s.io/v1alpha1","kind":"RuntimeClass","metadata":{},"spec":{"runtimeHandler":"gvisor","scheduling":{"nodeSelector":{"a":"b"}}}}`,
			`{"apiVersion":"node.k8s.io/v1","kind":"RuntimeClass","metadata":{},"handler":"gvisor","scheduling":{"nodeSelector":{"a":"b"}}}`, ""},
		"webhook": {`{"apiVersion":"admissionregistration.k8s.io/v1beta1","kind":"ValidatingWebhookConfiguration","metadata":{},"webhooks":[{"name":"a","sideEffects":"None"}]}`,
			`{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration","metadata":{},"webhooks":[{"name":"a","sideEffects":"None"}]}`, ""},
		"webhook with effects": {`{"apiVersion":"admissionregistration.k8s.io/v1beta1","kind":"MutatingWebhookConfiguration","metadata":{},"webhooks":[{"name":"a","sideEffects":"Unknown"}]}`,
			`{"apiVersion":"admissionregistration.k8s.io/v1","kind":"MutatingWebhookConfiguration","metadata":{},"webhooks":[{"name":"a","sideEffects":"Unknown"}]}`, "sideEffects Unknown"},
		"field that is no more": {`{"apiVersion":"storage.k8s.io/v1beta1","kind":"CSIDriver","metadata":{},"spec":{"someday":true}}`, `{"apiVersion":"storage.k8s.io/v1beta1","kind":"CSIDriver","metadata":{},"spec":{"someday":true}}`, "it has no spec.someday"},
	} {
		o := parsed(t, test.stored)
		v := serving(t, of34...).Prepare(&o)
		if diff := kinds.Difference("", kinds.Plain(t, o.Tree), kinds.Plain(t, json.RawMessage(test.want))); diff != "" || v.Doubtful != (test.doubt != "") || !strings.Contains(strings.Join(v.Remarks, "; "), test.doubt) {
			t.Errorf("%s: %s %+v", name, diff, v)
		}
	}
}
