package apply

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/etcdward/etcdward/agent/extract/notation"
	"github.com/etcdward/etcdward/agent/extract/object"
)

// makers are, for each kind, the kinds of owners whose built-in controllers make such objects anew if they are gone. Whatever
// anything else owns is not known to come back, or comes back different: an operator makes a Secret with another password.
var makers = map[string][]string{
	"Pod":                            {"apps/ReplicaSet", "apps/DaemonSet", "apps/StatefulSet", "batch/Job", "ReplicationController"},
	"apps/ReplicaSet":                {"apps/Deployment"},
	"apps/ControllerRevision":        {"apps/StatefulSet", "apps/DaemonSet"},
	"batch/Job":                      {"batch/CronJob"},
	"discovery.k8s.io/EndpointSlice": {"Service", "Endpoints"},
	"PersistentVolumeClaim":          {"Pod"}, // of its ephemeral volumes
	"resource.k8s.io/ResourceClaim":  {"Pod"}, // of its templates
}

// ownerKinds are the kinds that makers names as owners.
var ownerKinds = func() map[string]bool {
	all := map[string]bool{}
	for _, kinds := range makers {
		for _, kind := range kinds {
			all[kind] = true
		}
	}
	return all
}()

// maxOwners bounds the memory for owners to less than 100 MB.
const maxOwners = 1 << 20

// tooManyOwners means that it cannot be told which objects are made anew.
type tooManyOwners struct{}

func (tooManyOwners) Error() string {
	return fmt.Sprintf("more than %d objects that may own others", maxOwners)
}

// Hint names the way out.
func (tooManyOwners) Hint() string { return "one namespace at a time, with --namespace" }

// owners maps each extracted object that a controller makes others for to the reason why it makes none; "": it does. The key
// is a hash of everything that a reference to the owner holds.
type owners map[[16]byte]string

// hasEnded is the reason of owners that are left out themselves.
const hasEnded = "has ended, and would run again"

// anyUID stands for the uid of a Service, which its Endpoints refer to by name only.
const anyUID = "*"

func ownerHash(groupKind, namespace, name, uid string) (hash [16]byte) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", groupKind, namespace, name, uid))
	return [16]byte(sum[:16])
}

// add notes an object that can be an owner and will be in the cluster.
func (o owners) add(d object.Object) error {
	kind := groupKind(d.APIVersion, d.Kind)
	if !ownerKinds[kind] || kind == "Pod" && !claims(d.Tree) || !writable(d) { // nobody can apply what is not written
		return nil
	}
	if len(o) >= maxOwners {
		return tooManyOwners{}
	}
	meta, _ := d.Tree["metadata"].(map[string]any)
	if uid, _ := meta["uid"].(string); uid != "" { // no reference means an object without a uid
		o[ownerHash(kind, d.Namespace, d.Name, uid)] = makesNone(kind, d.Tree)
	}
	if kind == "Service" {
		o[ownerHash(kind, d.Namespace, d.Name, anyUID)] = makesNone(kind, d.Tree)
	}
	return nil
}

// writable reports whether there will be a file that kubectl reads. A complete object from protobuf always has one, and is
// not tried twice.
func writable(d object.Object) bool {
	if d.Encoding == object.Protobuf && d.Note == "" {
		return true
	}
	_, _, err := notation.Write(d.Tree)
	return err == nil
}

// claims reports whether a controller makes anything for a Pod. For most, which are many, it makes nothing.
func claims(tree map[string]any) bool {
	spec, _ := tree["spec"].(map[string]any)
	volumes, _ := spec["volumes"].([]any)
	resources, _ := spec["resourceClaims"].([]any)
	return len(resources) > 0 || slices.ContainsFunc(volumes, func(v any) bool {
		volume, _ := v.(map[string]any)
		return volume["ephemeral"] != nil
	})
}

// makesNone returns why the controller of an object will make nothing for it, "" if it will.
func makesNone(kind string, tree map[string]any) string {
	spec, _ := tree["spec"].(map[string]any)
	selector, _ := spec["selector"].(map[string]any)
	manager, _ := spec["managedBy"].(string)
	switch {
	case kind == "apps/Deployment" && spec["paused"] == true:
		return "is paused"
	case kind == "batch/CronJob" && spec["suspend"] == true:
		return "is suspended"
	case kind == "batch/Job" && jobEnded(tree), kind == "Pod" && podEnded(tree):
		return hasEnded
	case kind == "batch/Job" && manager != "" && manager != "kubernetes.io/job-controller":
		return fmt.Sprintf("is run by %.80s", manager)
	case kind == "Service" && (len(selector) == 0 || spec["type"] == "ExternalName"):
		return "has no selector"
	}
	return ""
}

// judge returns why an object that a controller owns need not be written, or else why it is written all the same.
func (o owners) judge(kind string, tree, controller map[string]any) (leftOut, kept string) {
	text := func(name string) string { s, _ := controller[name].(string); return s }
	meta, _ := tree["metadata"].(map[string]any)
	namespace, _ := meta["namespace"].(string)
	owner := groupKind(text("apiVersion"), text("kind"))
	called := text("kind") + " " + text("name")
	if !slices.Contains(makers[kind], owner) {
		return "", called + " is not known to make the same again"
	}
	if why := madeElsewhere(kind, owner, meta); why != "" {
		return "", why
	}
	why, there := o[ownerHash(owner, namespace, text("name"), text("uid"))]
	switch {
	case !there:
		return "", called + " is not among what is extracted"
	case why == hasEnded && kind == "Pod":
		return "its " + called + " " + why, ""
	case why != "":
		return "", called + " " + why
	}
	return "made anew by its " + called, ""
}

// madeElsewhere returns who else made an object, "" if it was the controller of its owner.
func madeElsewhere(kind, owner string, meta map[string]any) string {
	labels, _ := meta["labels"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	switch kind {
	case "batch/Job":
		if annotations["cronjob.kubernetes.io/instantiate"] == "manual" {
			return "it was made by hand"
		}
	case "discovery.k8s.io/EndpointSlice":
		own := "endpointslice-controller.k8s.io"
		if owner == "Endpoints" {
			own = "endpointslicemirroring-controller.k8s.io"
		}
		if by := labels["endpointslice.kubernetes.io/managed-by"]; by != nil && by != own {
			return fmt.Sprintf("it is made by %v", by)
		}
	}
	return ""
}
