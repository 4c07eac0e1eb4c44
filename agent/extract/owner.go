package extract

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/snapshot"
)

// makers says which built-in controllers make objects of a kind, and make others where these are gone: those of the kinds named.
// What anything else owns is not known to come back, or comes back as something else: an operator makes a Secret with another
// password.
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

// groupKind names a kind without its version, and the kinds of the core group without the group.
func groupKind(apiVersion, kind string) string {
	group, _, grouped := strings.Cut(apiVersion, "/")
	switch {
	case !grouped:
		return kind
	case group == "extensions" && (kind == "Deployment" || kind == "ReplicaSet" || kind == "DaemonSet"):
		group = "apps" // they moved, and references to them stayed
	}
	return group + "/" + kind
}

// maxOwners bounds the memory that owners take, to less than 100 MB.
const maxOwners = 1 << 20

// tooManyOwners means that it cannot be said which objects are made anew.
type tooManyOwners struct{}

func (tooManyOwners) Error() string {
	return fmt.Sprintf("more than %d objects that may own others", maxOwners)
}

// Hint names the way out.
func (tooManyOwners) Hint() string { return "one namespace at a time, with --namespace" }

// owners are the objects among what is extracted that controllers make others for, and why they make none; "": they do. An
// owner is the hash of all that a reference to it says.
type owners map[[16]byte]string

// hasEnded is of owners that are left out themselves.
const hasEnded = "has ended, and would run again"

func ownerHash(groupKind, namespace, name, uid string) (hash [16]byte) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", groupKind, namespace, name, uid))
	return [16]byte(sum[:16])
}

// findOwners reads the whole selection, since an owner may have been changed after what it owns, and so come later.
func (e *Extractor) findOwners(ctx context.Context, path string) (owners, error) {
	found := owners{}
	var read int64
	err := snapshot.Walk(ctx, path, e.Selection.root(), func(entry snapshot.Entry) error {
		read += int64(len(entry.Key) + len(entry.Value))
		if e.Progress != nil {
			e.Progress("look for owners", read, 0)
		}
		if !e.Selection.candidate(string(entry.Key)) {
			return nil
		}
		var err error
		guarded(entry, func(entry snapshot.Entry) rendering {
			if object := decode(entry.Value); object.tree != nil && e.Selection.takes(string(entry.Key), object) {
				err = found.add(object)
			}
			return rendering{}
		})
		return err
	})
	return found, err
}

// add takes an object for an owner, if it can be one that is going to be in the cluster.
func (o owners) add(d decoded) error {
	kind := groupKind(d.APIVersion, d.Kind)
	if !ownerKinds[kind] || kind == "Pod" && !claims(d.tree) {
		return nil
	}
	meta, _ := d.tree["metadata"].(map[string]any)
	uid, _ := meta["uid"].(string)
	switch {
	case uid == "" || !writable(d): // no reference can mean it; nobody can apply it
		return nil
	case len(o) >= maxOwners:
		return tooManyOwners{}
	}
	o[ownerHash(kind, d.Namespace, d.Name, uid)] = makesNone(kind, d.tree)
	return nil
}

// writable says whether there will be a file of YAML. What was protobuf and is all there has one, and is not tried twice.
func writable(d decoded) bool {
	if d.Encoding == Protobuf && d.Note == "" {
		return true
	}
	_, err := yamlOf(d.tree)
	return err == nil
}

// claims says whether anything is made for a Pod. Of most nothing is, and there are many.
func claims(tree map[string]any) bool {
	spec, _ := tree["spec"].(map[string]any)
	volumes, _ := spec["volumes"].([]any)
	resources, _ := spec["resourceClaims"].([]any)
	return len(resources) > 0 || slices.ContainsFunc(volumes, func(v any) bool {
		volume, _ := v.(map[string]any)
		return volume["ephemeral"] != nil
	})
}

// makesNone says why the controller of an object will make nothing for it.
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
		return fmt.Sprintf("is run by %.80s", manager) // it is kept for each
	case kind == "Service" && (len(selector) == 0 || spec["type"] == "ExternalName"):
		return "has no selector"
	}
	return ""
}

// judge says of an object that a controller owns why it need not be made, or else why it is written all the same.
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

// madeElsewhere says of an object whose owner a controller makes such objects for that this one is of another hand.
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
