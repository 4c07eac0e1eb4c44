package extract

import "fmt"

// forApply makes of an object as it was stored what a cluster takes where it is to be made anew, and says why it should not be
// made at all. What a server or a controller fills in by itself goes: it would be refused, or wrong.
func forApply(tree map[string]any) (leftOut string) {
	meta, _ := tree["metadata"].(map[string]any)
	kind, _ := tree["kind"].(string)
	switch {
	case kind == "Event":
		return "events are of the past"
	case kind == "Job" && ended(tree):
		return "the job has ended, and would run again"
	case ownerOf(meta) != "":
		return "made anew by its " + ownerOf(meta)
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
	case "Job":
		forgetController(spec)
	case "Secret":
		if tree["type"] == "kubernetes.io/service-account-token" {
			delete(tree, "data") // signed for a uid that is gone; the token controller makes another
			annotations, _ := meta["annotations"].(map[string]any)
			delete(annotations, "kubernetes.io/service-account.uid")
		}
	}
	return ""
}

// ownerOf names the controller that made an object, and makes another one.
func ownerOf(meta map[string]any) string {
	owners, _ := meta["ownerReferences"].([]any)
	for _, o := range owners {
		if owner, _ := o.(map[string]any); owner["controller"] == true {
			return fmt.Sprintf("%v %v", owner["kind"], owner["name"])
		}
	}
	return ""
}

// ended says whether a Job is done.
func ended(tree map[string]any) bool {
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

// forgetController takes from a Job the selector that was made of its uid, unless somebody wrote it.
func forgetController(spec map[string]any) {
	if spec["manualSelector"] == true {
		return
	}
	delete(spec, "selector")
	template, _ := spec["template"].(map[string]any)
	meta, _ := template["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	for _, name := range []string{"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"} {
		delete(labels, name)
	}
}
