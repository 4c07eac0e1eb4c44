package apply

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestBookkeeping holds what the control plane, kubelets and drivers keep for themselves, and what looks like it and is a user's.
func TestBookkeeping(t *testing.T) {
	const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	managed := func(managers ...string) string {
		var all []string
		for _, m := range managers {
			all = append(all, fmt.Sprintf(`{"manager":%q}`, m))
		}
		return `"managedFields":[` + strings.Join(all, ",") + `]`
	}
	const bootstrap = `"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"},"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"true"},`
	ofNode := `"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"1"}]`
	for name, test := range map[string]struct{ kind, meta, rest, want string }{
		"address of a Service":           {"networking.k8s.io/v1 IPAddress", `"name":"10.0.0.1","labels":{"ipaddress.kubernetes.io/managed-by":"ipallocator.k8s.io"}`, `"spec":{"parentRef":{"resource":"services","name":"s"}}`, serverKeeps},
		"address as beta":                {"networking.k8s.io/v1beta1 IPAddress", `"name":"10.0.0.1"`, `"spec":{"parentRef":{"resource":"services","name":"s"}}`, serverKeeps},
		"address of somebody else":       {"networking.k8s.io/v1 IPAddress", `"name":"10.0.0.1"`, `"spec":{"parentRef":{"group":"example.com","resource":"gateways","name":"s"}}`, ""},
		"default range":                  {"networking.k8s.io/v1 ServiceCIDR", `"name":"kubernetes"`, `"spec":{}`, serverMakes},
		"another range":                  {"networking.k8s.io/v1 ServiceCIDR", `"name":"more"`, `"spec":{}`, ""},
		"ranges":                         {"v1 RangeAllocation", ``, `"range":"x"`, serverKeeps},
		"Service of the server":          {"v1 Service", `"name":"kubernetes","namespace":"default"`, `"spec":{}`, serverMakes},
		"Service of that name":           {"v1 Service", `"name":"kubernetes","namespace":"shop"`, `"spec":{}`, ""},
		"Endpoints of the server":        {"v1 Endpoints", `"name":"kubernetes","namespace":"default"`, `"subsets":[]`, serverMakes},
		"EndpointSlice of the server":    {"discovery.k8s.io/v1 EndpointSlice", `"name":"kubernetes","namespace":"default"`, `"endpoints":[]`, serverMakes},
		"life of a server":               {"v1 Endpoints", ``, `"subsets":[]`, serverKeeps},
		"Endpoints by a Service":         {"v1 Endpoints", `"name":"web","namespace":"shop"`, `"subsets":[]`, "made anew by its Service web"},
		"Endpoints by hand":              {"v1 Endpoints", `"name":"manual","namespace":"shop"`, `"subsets":[]`, ""},
		"Endpoints of no Service":        {"v1 Endpoints", `"name":"web","namespace":"other"`, `"subsets":[]`, ""},
		"lease of a node":                {"coordination.k8s.io/v1 Lease", `"name":"n","namespace":"kube-node-lease"`, `"spec":{}`, kubeletMakes},
		"lease of a server":              {"coordination.k8s.io/v1 Lease", `"name":"apiserver-x","namespace":"kube-system","labels":{"apiserver.kubernetes.io/identity":"kube-apiserver"}`, `"spec":{}`, serverKeeps},
		"lease of a leader":              {"coordination.k8s.io/v1 Lease", `"name":"kube-scheduler","namespace":"kube-system"`, `"spec":{"holderIdentity":"a"}`, holderRenews},
		"lease of an application":        {"coordination.k8s.io/v1 Lease", `"name":"lock","namespace":"shop"`, `"spec":{"holderIdentity":"a"}`, ""},
		"candidate":                      {"coordination.k8s.io/v1beta1 LeaseCandidate", `"name":"x","namespace":"kube-system"`, `"spec":{}`, holderRenews},
		"version":                        {"apiregistration.k8s.io/v1 APIService", `"name":"v1.apps","labels":{"kube-aggregator.kubernetes.io/automanaged":"onstart"}`, `"spec":{}`, serverMakes},
		"version of a definition":        {"apiregistration.k8s.io/v1 APIService", `"name":"v1.x","labels":{"kube-aggregator.kubernetes.io/automanaged":"true"}`, `"spec":{}`, serverMakes},
		"version of an extension":        {"apiregistration.k8s.io/v1 APIService", `"name":"v1beta1.metrics.k8s.io"`, `"spec":{"service":{"name":"m"}}`, ""},
		"flow":                           {"flowcontrol.apiserver.k8s.io/v1 FlowSchema", `"name":"exempt","annotations":{"apf.kubernetes.io/autoupdate-spec":"true"}`, `"spec":{}`, serverMakes},
		"flow that was changed":          {"flowcontrol.apiserver.k8s.io/v1 FlowSchema", `"name":"system-nodes","annotations":{"apf.kubernetes.io/autoupdate-spec":"false"}`, `"spec":{}`, ""},
		"level":                          {"flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration", `"name":"system","annotations":{"apf.kubernetes.io/autoupdate-spec":"true"}`, `"spec":{}`, serverMakes},
		"class of the system":            {"scheduling.k8s.io/v1 PriorityClass", `"name":"system-node-critical"`, `"value":2000001000`, serverMakes},
		"class":                          {"scheduling.k8s.io/v1 PriorityClass", `"name":"high"`, `"value":1`, ""},
		"rights":                         {"rbac.authorization.k8s.io/v1 ClusterRole", bootstrap + `"name":"view",` + managed("kube-apiserver", "clusterrole-aggregation-controller"), `"rules":[]`, serverMakes},
		"rights that were changed":       {"rbac.authorization.k8s.io/v1 ClusterRole", bootstrap + `"name":"view",` + managed("kube-apiserver", "kubectl-edit"), `"rules":[]`, ""},
		"rights of nobody known":         {"rbac.authorization.k8s.io/v1 ClusterRole", bootstrap + `"name":"view"`, `"rules":[]`, ""},
		"rights that stay":               {"rbac.authorization.k8s.io/v1 ClusterRoleBinding", `"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"},"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"false"},"name":"cluster-admin",` + managed("kube-apiserver"), `"subjects":[]`, ""},
		"role":                           {"rbac.authorization.k8s.io/v1 Role", bootstrap + `"name":"x","namespace":"kube-system",` + managed("kube-apiserver"), `"rules":[]`, serverMakes},
		"root certificate":               {"v1 ConfigMap", `"name":"kube-root-ca.crt","namespace":"shop"`, `"data":{}`, "a controller makes it"},
		"certificates of the server":     {"v1 ConfigMap", `"name":"extension-apiserver-authentication","namespace":"kube-system"`, `"data":{}`, serverKeeps},
		"ConfigMap of that name":         {"v1 ConfigMap", `"name":"extension-apiserver-authentication","namespace":"shop"`, `"data":{}`, ""},
		"request":                        {"certificates.k8s.io/v1 CertificateSigningRequest", `"name":"x"`, `"spec":{}`, requestIsPast},
		"storage versions":               {"internal.apiserver.k8s.io/v1alpha1 StorageVersion", `"name":"x"`, `"spec":{}`, serverKeeps},
		"drivers of a node":              {"storage.k8s.io/v1 CSINode", `"name":"n",` + ofNode, `"spec":{}`, kubeletMakes},
		"drivers by hand":                {"storage.k8s.io/v1 CSINode", `"name":"n"`, `"spec":{}`, ""},
		"devices of a node":              {"resource.k8s.io/v1 ResourceSlice", `"name":"n",` + ofNode, `"spec":{}`, "its driver publishes it"},
		"devices by hand":                {"resource.k8s.io/v1 ResourceSlice", `"name":"n"`, `"spec":{}`, ""},
		"capacity":                       {"storage.k8s.io/v1 CSIStorageCapacity", `"name":"n","labels":{"csi.storage.k8s.io/managed-by":"x"}`, `"storageClassName":"a"`, "its driver publishes it"},
		"attachment":                     {"storage.k8s.io/v1 VolumeAttachment", `"name":"csi-` + digest + `"`, `"spec":{}`, "a controller makes it for each Pod"},
		"attachment by hand":             {"storage.k8s.io/v1 VolumeAttachment", `"name":"csi-mine"`, `"spec":{}`, ""},
		"certificates of the controller": {"certificates.k8s.io/v1beta1 ClusterTrustBundle", `"name":"x"`, `"spec":{"signerName":"kubernetes.io/kube-apiserver-serving"}`, "a controller publishes it"},
		"certificates of somebody":       {"certificates.k8s.io/v1beta1 ClusterTrustBundle", `"name":"x"`, `"spec":{"signerName":"example.com/x"}`, ""},
	} {
		apiVersion, kind, _ := strings.Cut(test.kind, " ")
		o := parsed(t, fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{%s},%s}`, apiVersion, kind, test.meta, test.rest))
		c := learned(t, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"shop"},"spec":{"selector":{"a":"b"}}}`,
			`{"apiVersion":"v1","kind":"Service","metadata":{"name":"manual","namespace":"shop"},"spec":{}}`)
		if v := c.Prepare(&o); (v.LeftOut == "") != (test.want == "") || !strings.HasPrefix(v.LeftOut, test.want) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestVolumes holds that a volume forgets the uid of its claim (one that differs makes it released, and its data may be deleted),
// and the claim that it was bound: with a volume that does not name its uid it would be lost.
func TestVolumes(t *testing.T) {
	o := parsed(t, `{"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"v"},"spec":{"claimRef":{"namespace":"shop","name":"c","uid":"1","resourceVersion":"2"}}}`)
	New().Prepare(&o)
	spec, _ := o.Tree["spec"].(map[string]any)
	claim, _ := spec["claimRef"].(map[string]any)
	if len(claim) != 2 || claim["name"] != "c" || claim["namespace"] != "shop" {
		t.Errorf("%v", claim)
	}
	o = parsed(t, `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"c","annotations":{"pv.kubernetes.io/bind-completed":"yes","pv.kubernetes.io/bound-by-controller":"yes","mine":"x"}},"spec":{"volumeName":"v"}}`)
	New().Prepare(&o)
	meta, _ := o.Tree["metadata"].(map[string]any)
	spec, _ = o.Tree["spec"].(map[string]any)
	if annotations, _ := meta["annotations"].(map[string]any); len(annotations) != 1 || annotations["mine"] != "x" || spec["volumeName"] != "v" {
		t.Errorf("%v", o.Tree)
	}
}

// TestSteps holds the order of folders: what an object needs comes before it.
func TestSteps(t *testing.T) {
	order := []string{"v1 Namespace", "apiextensions.k8s.io/v1 CustomResourceDefinition", "scheduling.k8s.io/v1 PriorityClass", "v1 ServiceAccount", "rbac.authorization.k8s.io/v1 Role",
		"rbac.authorization.k8s.io/v1 RoleBinding", "v1 Secret", "v1 PersistentVolume", "v1 PersistentVolumeClaim", "v1 Service", "apps/v1 Deployment", "autoscaling/v2 HorizontalPodAutoscaler",
		"example.com/v1 Widget", "v1 ResourceQuota", "apiregistration.k8s.io/v1 APIService", "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration"}
	var got []string
	for _, name := range order {
		apiVersion, kind, _ := strings.Cut(name, " ")
		got = append(got, step(groupKind(apiVersion, kind), isBuiltIn(apiVersion)))
	}
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(order) {
		t.Errorf("%v", got)
	}
	for kind := range steps {
		if steps[kind] == "" || !slices.Contains(got, steps[kind]) {
			t.Errorf("%s goes to %s", kind, steps[kind])
		}
	}
}
