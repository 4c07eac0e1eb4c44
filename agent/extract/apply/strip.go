package apply

import (
	"fmt"
	"strings"
)

// serverFields are the fields of metadata that a server or a controller fills in: a server refuses or ignores them.
var serverFields = []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
	"managedFields", "selfLink", "ownerReferences"}

// strip removes what a server or a controller fills in by itself, and what would be wrong in another object.
func strip(kind string, tree map[string]any, v *Verdict) {
	meta, _ := tree["metadata"].(map[string]any)
	for _, name := range serverFields {
		delete(meta, name)
	}
	keepFinalizers(meta)
	spec, _ := tree["spec"].(map[string]any)
	switch kind {
	case "Pod":
		delete(spec, "nodeName") // the scheduler sets it
		if spec["ephemeralContainers"] != nil {
			delete(spec, "ephemeralContainers") // no Pod can be created with them
			v.remark("written without its ephemeral containers")
		}
	case "batch/Job":
		forgetController(meta, spec)
	case "PersistentVolume":
		// A volume whose claim has another uid counts as released, and its data is deleted if its reclaimPolicy is Delete.
		claim, _ := spec["claimRef"].(map[string]any)
		delete(claim, "uid")
		delete(claim, "resourceVersion")
	case "PersistentVolumeClaim":
		// A claim that is marked as bound counts as lost, for good, until its volume has its new uid: nobody would write that.
		annotations, _ := meta["annotations"].(map[string]any)
		delete(annotations, "pv.kubernetes.io/bind-completed")
		delete(annotations, "pv.kubernetes.io/bound-by-controller")
	case "Secret":
		if tree["type"] == "kubernetes.io/service-account-token" {
			delete(tree, "data") // signed for a uid that is gone; the token controller makes another token
			annotations, _ := meta["annotations"].(map[string]any)
			delete(annotations, "kubernetes.io/service-account.uid")
		}
	}
}

// controllerOf returns the owner that made an object.
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

// podEnded reports whether a Pod is done.
func podEnded(tree map[string]any) bool {
	status, _ := tree["status"].(map[string]any)
	return status["phase"] == "Succeeded" || status["phase"] == "Failed"
}

// jobEnded reports whether a Job is done.
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

// keepFinalizers drops the finalizers of a deletion that was under way.
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

// forgetController removes from a Job the selector and the labels that a server derived from its uid, unless a user wrote them.
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
