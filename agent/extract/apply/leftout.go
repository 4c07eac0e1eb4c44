package apply

import (
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/extract/object"
)

// The reasons why an object is left out that nobody needs to apply.
const (
	serverKeeps   = "an API server keeps it for itself"
	serverMakes   = "an API server makes it when it starts"
	holderRenews  = "its holder renews it"
	kubeletMakes  = "its kubelet makes it"
	requestIsPast = "a request of the past: it would be made in the name of whoever applies it"
)

// past returns why an object should not be made anew, whoever owns it; "" if it should.
func past(kind string, o *object.Object) string {
	meta, _ := o.Tree["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	switch {
	case kind == "Event" || kind == "events.k8s.io/Event":
		return "events are of the past"
	case kind == "batch/Job" && jobEnded(o.Tree):
		return "the job has ended, and would run again"
	case kind == "Pod" && annotations["kubernetes.io/config.mirror"] != nil:
		return "the image of a static Pod, which its kubelet makes" // an API server takes it from nobody else
	case kind == "Pod" && podEnded(o.Tree):
		return "the pod has ended, and would run again"
	case kind == "certificates.k8s.io/CertificateSigningRequest" || kind == "certificates.k8s.io/PodCertificateRequest":
		return requestIsPast
	case kind == "coordination.k8s.io/LeaseCandidate":
		return holderRenews
	case kind == "internal.apiserver.k8s.io/StorageVersion":
		return serverKeeps
	}
	return ""
}

// bookkeeping returns why an object is left out that the control plane, a kubelet or a driver keeps for itself; "": it does not.
// What a user has changed is kept, as far as the object shows it.
func (c *Cluster) bookkeeping(kind string, o *object.Object) string {
	meta, _ := o.Tree["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	spec, _ := o.Tree["spec"].(map[string]any)
	parent, _ := spec["parentRef"].(map[string]any)
	switch kind {
	case "RangeAllocation":
		return serverKeeps // which addresses and ports are taken
	case "networking.k8s.io/IPAddress":
		if labels["ipaddress.kubernetes.io/managed-by"] == "ipallocator.k8s.io" || parent["resource"] == "services" {
			return serverKeeps // likewise, since 1.33; it would refuse the Service
		}
	case "networking.k8s.io/ServiceCIDR":
		if o.Name == "kubernetes" {
			return serverMakes // of its flags
		}
	case "Service", "Endpoints", "discovery.k8s.io/EndpointSlice":
		return c.addresses(kind, o)
	case "coordination.k8s.io/Lease":
		return lease(o, labels, spec)
	case "apiregistration.k8s.io/APIService":
		if labels["kube-aggregator.kubernetes.io/automanaged"] != nil {
			return serverMakes // one for each version that it serves
		}
	case "flowcontrol.apiserver.k8s.io/FlowSchema", "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration":
		if annotations["apf.kubernetes.io/autoupdate-spec"] == "true" {
			return serverMakes // and sets it back to its own
		}
	case "scheduling.k8s.io/PriorityClass":
		if strings.HasPrefix(o.Name, "system-") {
			return serverMakes // no other can be called so
		}
	case "rbac.authorization.k8s.io/ClusterRole", "rbac.authorization.k8s.io/ClusterRoleBinding", "rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/RoleBinding":
		if labels["kubernetes.io/bootstrapping"] == "rbac-defaults" && annotations["rbac.authorization.kubernetes.io/autoupdate"] == "true" &&
			writtenOnlyBy(meta, "kube-apiserver", "clusterrole-aggregation-controller") {
			return serverMakes // with the rights of its own release
		}
	case "ConfigMap":
		return configMap(o)
	}
	return published(kind, o, meta, labels)
}

// addresses returns why a Service, or the addresses of one, are left out.
func (c *Cluster) addresses(kind string, o *object.Object) string {
	switch {
	case kind == "Endpoints" && o.Name == "":
		return serverKeeps // which API servers live
	case o.Namespace == "default" && o.Name == "kubernetes":
		return serverMakes // of its own address
	case kind == "Endpoints":
		if why, there := c.owners[ownerHash("Service", o.Namespace, o.Name, anyUID)]; there && why == "" {
			return "made anew by its Service " + o.Name
		}
	}
	return ""
}

// lease returns why a Lease is left out.
func lease(o *object.Object, labels, spec map[string]any) string {
	switch {
	case o.Namespace == "kube-node-lease":
		return kubeletMakes
	case labels["apiserver.kubernetes.io/identity"] != nil:
		return serverKeeps
	case o.Namespace == "kube-system" && spec["holderIdentity"] != nil:
		return holderRenews // the leader of today would step down
	}
	return ""
}

// configMap returns why a ConfigMap is left out.
func configMap(o *object.Object) string {
	switch {
	case o.Name == "kube-root-ca.crt":
		return "a controller makes it in each namespace"
	case o.Namespace == "kube-system" && (o.Name == "extension-apiserver-authentication" || o.Name == "kube-apiserver-legacy-service-account-token-tracking"):
		return serverKeeps // with the certificates of its own authority
	}
	return ""
}

// published returns why an object is left out by which a node or a driver tells of itself.
func published(kind string, o *object.Object, meta, labels map[string]any) string {
	const digestLength = 64
	refs, _ := meta["ownerReferences"].([]any)
	ofNode := slices.ContainsFunc(refs, func(r any) bool {
		ref, _ := r.(map[string]any)
		return ref["kind"] == "Node"
	})
	spec, _ := o.Tree["spec"].(map[string]any)
	switch kind {
	case "storage.k8s.io/CSINode":
		if ofNode {
			return kubeletMakes
		}
	case "resource.k8s.io/ResourceSlice":
		if ofNode {
			return "its driver publishes it"
		}
	case "storage.k8s.io/CSIStorageCapacity":
		if labels["csi.storage.k8s.io/managed-by"] != nil {
			return "its driver publishes it"
		}
	case "storage.k8s.io/VolumeAttachment":
		if digest, named := strings.CutPrefix(o.Name, "csi-"); named && len(digest) == digestLength && strings.Trim(digest, "0123456789abcdef") == "" {
			return "a controller makes it for each Pod that needs the volume"
		}
	case "certificates.k8s.io/ClusterTrustBundle":
		if signer, _ := spec["signerName"].(string); strings.HasPrefix(signer, "kubernetes.io/") {
			return "a controller publishes it"
		}
	}
	return ""
}

// writtenOnlyBy reports whether managedFields names nobody but these.
func writtenOnlyBy(meta map[string]any, managers ...string) bool {
	all, _ := meta["managedFields"].([]any)
	for _, f := range all {
		entry, _ := f.(map[string]any)
		if name, _ := entry["manager"].(string); !slices.Contains(managers, name) {
			return false
		}
	}
	return len(all) > 0
}
