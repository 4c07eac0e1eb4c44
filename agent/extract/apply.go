package extract

import (
	"fmt"
	"strings"
)

// verdict is what --for-apply made of an object.
type verdict struct {
	// leftOut says why it should not be made at all.
	leftOut string
	// unowned: it is written although a controller made it.
	unowned bool
	// remarks are what should be known of it before it is applied.
	remarks []string
}

func (v *verdict) remark(format string, args ...any) {
	v.remarks = append(v.remarks, fmt.Sprintf(format, args...))
}

// forApply makes of an object as it was stored what a cluster takes where it is to be made anew. What a server or a controller
// fills in by itself goes: it would be refused, or wrong.
func forApply(tree map[string]any, among owners) (v verdict) {
	meta, _ := tree["metadata"].(map[string]any)
	apiVersion, _ := tree["apiVersion"].(string)
	name, _ := tree["kind"].(string)
	kind := groupKind(apiVersion, name)
	if v.leftOut = past(kind, tree); v.leftOut != "" {
		return v
	}
	refs, _ := meta["ownerReferences"].([]any)
	if controller := controllerOf(refs); controller != nil {
		var kept string
		if v.leftOut, kept = among.judge(kind, tree, controller); v.leftOut != "" {
			return v
		}
		v.unowned = true
		v.remark("written without its owner: %s", kept)
	} else if len(refs) > 0 {
		v.remark("written without its owners: %s", named(refs))
	}
	for _, name := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
		"managedFields", "selfLink", "ownerReferences"} {
		delete(meta, name)
	}
	keepFinalizers(meta)
	delete(tree, "status")
	spec, _ := tree["spec"].(map[string]any)
	switch kind {
	case "Pod":
		delete(spec, "nodeName") // the scheduler's
		if spec["ephemeralContainers"] != nil {
			delete(spec, "ephemeralContainers") // no Pod can be made with them
			v.remark("written without its ephemeral containers")
		}
	case "batch/Job":
		forgetController(meta, spec)
	case "Secret":
		if tree["type"] == "kubernetes.io/service-account-token" {
			delete(tree, "data") // signed for a uid that is gone; the token controller makes another
			annotations, _ := meta["annotations"].(map[string]any)
			delete(annotations, "kubernetes.io/service-account.uid")
		}
	}
	return v
}

// past says why an object should not be made, whoever owns it.
func past(kind string, tree map[string]any) string {
	meta, _ := tree["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	name, _ := meta["name"].(string)
	switch {
	case kind == "Event" || kind == "events.k8s.io/Event":
		return "events are of the past"
	case kind == "RangeAllocation", kind == "Endpoints" && name == "":
		return "an API server keeps it for itself" // which addresses are taken; which servers live
	case kind == "batch/Job" && jobEnded(tree):
		return "the job has ended, and would run again"
	case kind == "Pod" && annotations["kubernetes.io/config.mirror"] != nil:
		return "the image of a static Pod, which its kubelet makes" // and an API server takes from no other
	case kind == "Pod" && podEnded(tree):
		return "the pod has ended, and would run again"
	}
	return ""
}

// controllerOf is the owner that made an object.
func controllerOf(refs []any) map[string]any {
	for _, r := range refs {
		if ref, _ := r.(map[string]any); ref["controller"] == true {
			return ref
		}
	}
	return nil
}

// named lists owners.
func named(refs []any) string {
	var names []string
	for _, r := range refs {
		ref, _ := r.(map[string]any)
		names = append(names, fmt.Sprintf("%v %v", ref["kind"], ref["name"]))
	}
	return strings.Join(names, ", ")
}

// podEnded says whether a Pod is done.
func podEnded(tree map[string]any) bool {
	status, _ := tree["status"].(map[string]any)
	return status["phase"] == "Succeeded" || status["phase"] == "Failed"
}

// jobEnded says whether a Job is done.
func jobEnded(tree map[string]any) bool {
	status, _ := tree["status"].(map[string]any)
	conditions, _ := status["conditions"].([]any)
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if (condition["type"] == "Complete" || condition["type"] == "Failed") && condition["status"] == "True" {
			return true
		}
	}
	return false
}

// keepFinalizers drops the marks of a deletion that was under way.
func keepFinalizers(meta map[string]any) {
	all, _ := meta["finalizers"].([]any)
	var kept []any
	for _, f := range all {
		if f != "foregroundDeletion" && f != "orphan" {
			kept = append(kept, f)
		}
	}
	if len(kept) == 0 {
		delete(meta, "finalizers")
	} else {
		meta["finalizers"] = kept
	}
}

// forgetController takes from a Job the selector and the labels that were made of its uid, unless somebody wrote them.
func forgetController(meta, spec map[string]any) {
	if spec["manualSelector"] == true {
		return
	}
	delete(spec, "selector")
	template, _ := spec["template"].(map[string]any)
	inner, _ := template["metadata"].(map[string]any)
	for _, of := range []map[string]any{meta, inner} { // a server copies them to a Job that has none
		labels, _ := of["labels"].(map[string]any)
		for _, name := range []string{"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"} {
			delete(labels, name)
		}
	}
}
