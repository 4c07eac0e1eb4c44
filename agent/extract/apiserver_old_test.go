package extract

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/test/apiserver"
	"github.com/etcdward/etcdward/test/cluster"
)

// old are objects as releases of long ago stored them, in versions that a server of 1.34 does not serve, by their keys.
var old = []pair{
	{"/registry/namespaces/shop", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop","uid":"1"}}`},
	{"/registry/ingress/shop/i", `{"apiVersion":"extensions/v1beta1","kind":"Ingress","metadata":{"name":"i","namespace":"shop"},"spec":{"backend":{"serviceName":"d","servicePort":"http"},"rules":[{"host":"a.example","http":{"paths":[{"path":"/","backend":{"serviceName":"s","servicePort":80}}]}}]}}`},
	{"/registry/ingress/shop/n", `{"apiVersion":"networking.k8s.io/v1beta1","kind":"Ingress","metadata":{"name":"n","namespace":"shop"},"spec":{"rules":[{"http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"serviceName":"s","servicePort":80}}]}}]}}`},
	{"/registry/poddisruptionbudgets/shop/none", `{"apiVersion":"policy/v1beta1","kind":"PodDisruptionBudget","metadata":{"name":"none","namespace":"shop"},"spec":{"minAvailable":1,"selector":{}}}`},
	{"/registry/cronjobs/shop/c", `{"apiVersion":"batch/v1beta1","kind":"CronJob","metadata":{"name":"c","namespace":"shop"},"spec":{"schedule":"1 * * * *","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"a"}]}}}}}}`},
	{"/registry/deployments/shop/d", `{"apiVersion":"extensions/v1beta1","kind":"Deployment","metadata":{"name":"d","namespace":"shop"},"spec":{"rollbackTo":{"revision":0},"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a"}]}}}}`},
	{"/registry/daemonsets/shop/d", `{"apiVersion":"apps/v1beta2","kind":"DaemonSet","metadata":{"name":"d","namespace":"shop"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a"}]}}}}`},
	{"/registry/statefulsets/shop/s", `{"apiVersion":"apps/v1beta1","kind":"StatefulSet","metadata":{"name":"s","namespace":"shop"},"spec":{"serviceName":"s","selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a"}]}}}}`},
	{"/registry/networkpolicies/shop/p", `{"apiVersion":"extensions/v1beta1","kind":"NetworkPolicy","metadata":{"name":"p","namespace":"shop"},"spec":{"podSelector":{"matchLabels":{"a":"b"}},"ingress":[{}]}}`},
	{"/registry/endpointslices/shop/s", `{"apiVersion":"discovery.k8s.io/v1beta1","kind":"EndpointSlice","metadata":{"name":"s","namespace":"shop"},"addressType":"IPv4","endpoints":[{"addresses":["192.0.2.1"],"topology":{"kubernetes.io/hostname":"n","topology.kubernetes.io/zone":"z"}}],"ports":[{"port":80}]}`},
	{"/registry/prioritylevelconfigurations/p", `{"apiVersion":"flowcontrol.apiserver.k8s.io/v1beta2","kind":"PriorityLevelConfiguration","metadata":{"name":"p"},"spec":{"type":"Limited","limited":{"assuredConcurrencyShares":7,"limitResponse":{"type":"Reject"}}}}`},
	{"/registry/flowschemas/f", `{"apiVersion":"flowcontrol.apiserver.k8s.io/v1beta1","kind":"FlowSchema","metadata":{"name":"f"},"spec":{"priorityLevelConfiguration":{"name":"p"},"matchingPrecedence":500}}`},
	{"/registry/resourceclaims/shop/r", `{"apiVersion":"resource.k8s.io/v1beta1","kind":"ResourceClaim","metadata":{"name":"r","namespace":"shop"},"spec":{"devices":{"requests":[{"name":"a","deviceClassName":"gpu.example.com","allocationMode":"ExactCount","count":1}]}}}`},
	{"/registry/deviceclasses/gpu.example.com", `{"apiVersion":"resource.k8s.io/v1beta1","kind":"DeviceClass","metadata":{"name":"gpu.example.com"},"spec":{}}`},
	{"/registry/runtimeclasses/r", `{"apiVersion":"node.k8s.io/v1alpha1","kind":"RuntimeClass","metadata":{"name":"r"},"spec":{"runtimeHandler":"gvisor"}}`},
	{"/registry/rolebindings/shop/b", `{"apiVersion":"rbac.authorization.k8s.io/v1alpha1","kind":"RoleBinding","metadata":{"name":"b","namespace":"shop"},"subjects":[{"kind":"User","name":"u","apiVersion":"rbac.authorization.k8s.io/v1alpha1"},{"kind":"ServiceAccount","name":"s","namespace":"shop","apiVersion":"v1"}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"x"}}`},
	{"/registry/roles/shop/x", `{"apiVersion":"rbac.authorization.k8s.io/v1beta1","kind":"Role","metadata":{"name":"x","namespace":"shop"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}`},
	{"/registry/priorityclasses/high", `{"apiVersion":"scheduling.k8s.io/v1beta1","kind":"PriorityClass","metadata":{"name":"high"},"value":10}`},
	{"/registry/storageclasses/s", `{"apiVersion":"storage.k8s.io/v1beta1","kind":"StorageClass","metadata":{"name":"s"},"provisioner":"example.com/x","reclaimPolicy":"Delete","volumeBindingMode":"Immediate"}`},
	{"/registry/leases/shop/l", `{"apiVersion":"coordination.k8s.io/v1beta1","kind":"Lease","metadata":{"name":"l","namespace":"shop"},"spec":{"holderIdentity":"a"}}`},
	{"/registry/mutatingwebhookconfigurations/m", `{"apiVersion":"admissionregistration.k8s.io/v1beta1","kind":"MutatingWebhookConfiguration","metadata":{"name":"m"},"webhooks":[{"name":"m.example.com","clientConfig":{"url":"https://192.0.2.1/"},"failurePolicy":"Ignore","sideEffects":"None","admissionReviewVersions":["v1beta1"]}]}`},
	{"/registry/apiextensions.k8s.io/customresourcedefinitions/plain", definitionOf("plain", `"version":"v1"`)},
	{"/registry/apiextensions.k8s.io/customresourcedefinitions/loose", definitionOf("loose", `"versions":[{"name":"v1alpha1","served":false,"storage":false},{"name":"v1","served":true,"storage":true}],"preserveUnknownFields":true,"subresources":{"status":{}},`+
		`"additionalPrinterColumns":[{"name":"A","type":"string","JSONPath":".spec.a"}],"validation":{"openAPIV3Schema":{"properties":{"spec":{"properties":{"a":{"type":"string"},"list":{"items":{"type":"string"}},"any":{}}}}}}`)},
	{"/registry/apiextensions.k8s.io/customresourcedefinitions/hooked", definitionOf("hooked", `"version":"v1","versions":[{"name":"v1","served":true,"storage":true}],"preserveUnknownFields":false,"validation":{"openAPIV3Schema":{"type":"object"}},`+
		`"conversion":{"strategy":"Webhook","webhookClientConfig":{"url":"https://192.0.2.1/"},"conversionReviewVersions":["v1"]}`)},
	{"/registry/example.com/plains/shop/long", fmt.Sprintf(`{"apiVersion":"example.com/v1","kind":"Plain","metadata":{"name":"long","namespace":"shop"},"spec":{%q:1,"x":"="},"status":{"mine":"<<"}}`, strings.Repeat("k", 2000))},
	{"/registry/example.com/looses/shop/l", `{"apiVersion":"example.com/v1alpha1","kind":"Loose","metadata":{"name":"l","namespace":"shop"},"spec":{"a":"on","b":"1:20","list":["=","~"],"any":{"deep":{"x":"2001-12-14"}}},"status":{"of":"its operator"}}`},
}

// definitionOf is a CustomResourceDefinition as releases up to 1.34 store one.
func definitionOf(name, spec string) string {
	return fmt.Sprintf(`{"apiVersion":"apiextensions.k8s.io/v1beta1","kind":"CustomResourceDefinition","metadata":{"name":"%[1]ss.example.com"},"spec":{"group":"example.com","scope":"Namespaced",`+
		`"names":{"kind":%[2]q,"listKind":"%[2]sList","plural":"%[1]ss","singular":%[1]q},%[3]s}}`, name, strings.ToUpper(name[:1])+name[1:], spec)
}

// TestOldApplied applies what was stored long ago to a real API server, which takes every object, with every field.
func TestOldApplied(t *testing.T) {
	s := apiserver.Start(t, cluster.Start(t, cluster.Options{Members: 1, Plain: true, Args: []string{cluster.NoFsync}}))
	pairs := append([]pair{}, old...)
	for _, group := range []string{"", "apps", "batch", "policy", "autoscaling", "networking.k8s.io", "discovery.k8s.io", "flowcontrol.apiserver.k8s.io", "resource.k8s.io", "node.k8s.io",
		"rbac.authorization.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "coordination.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io", "example.com"} {
		pairs = append(pairs, pair{"/registry/apiregistration.k8s.io/apiservices/v1." + group, fmt.Sprintf(
			`{"apiVersion":"apiregistration.k8s.io/v1","kind":"APIService","metadata":{"name":"v1.%[1]s","labels":{"kube-aggregator.kubernetes.io/automanaged":"onstart"}},"spec":{"group":%[1]q,"version":"v1"}}`, group)})
	}
	x := run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true}, handmade(t, pairs...))
	if x.Objects != len(old) || !x.Whole() {
		t.Errorf("%+v", x.Outcome)
	}
	if line := x.index["/registry/example.com/plains/shop/long"]; !strings.HasSuffix(line.File, endJSON) {
		t.Errorf("a name of 2000 bytes: %+v", line)
	}
	if said := applyAll(t, s, x.folder); len(said) != x.Objects {
		t.Errorf("%d objects were written, %d applied", x.Objects, len(said))
	}
	holdToFiles(t, s, x)
	out, err := s.Kubectl(t, "get", "plains.example.com", "long", "-n", "shop", "-o", "json")
	var plain struct{ Status map[string]string }
	if err == nil {
		err = json.Unmarshal([]byte(out), &plain)
	}
	if err != nil || plain.Status["mine"] != "<<" {
		t.Errorf("the status of its user: %+v %v", plain, err)
	}
}
