// Package apply turns objects as a cluster stored them into what kubectl apply takes in a cluster that has them no longer.
//
// It knows kinds of Kubernetes, and no files. Its invariant: what it leaves out, drops of the user's own, or cannot vouch for, it
// names with the reason.
package apply

import (
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/extract/object"
)

// Verdict is what becomes of an object.
type Verdict struct {
	// LeftOut is why the object is not written; "": it is.
	LeftOut string
	// Unowned means that it is written although a controller made it.
	Unowned bool
	// Doubtful means that the cluster is not known to take it as it is written. A remark gives the reason.
	Doubtful bool
	// Remarks are what an operator should know before applying it.
	Remarks []string
	// Step is the folder of everything that is applied together with it; the folders sort in the order of applying.
	Step string
}

func (v *Verdict) remark(format string, args ...any) {
	v.Remarks = append(v.Remarks, fmt.Sprintf(format, args...))
}

// doubt notes why the cluster may not take the object.
func (v *Verdict) doubt(format string, args ...any) {
	v.Doubtful = true
	v.remark(format, args...)
}

// Prepare changes an object into what is to be applied. The object is one of those that Learn was given.
func (c *Cluster) Prepare(o *object.Object) (v Verdict) {
	tree := o.Tree
	meta, _ := tree["metadata"].(map[string]any)
	kind := groupKind(o.APIVersion, o.Kind)
	if v.LeftOut = past(kind, o); v.LeftOut == "" {
		v.LeftOut = c.bookkeeping(kind, o)
	}
	if v.LeftOut != "" {
		return v
	}
	refs, _ := meta["ownerReferences"].([]any)
	if controller := controllerOf(refs); controller != nil {
		var kept string
		if v.LeftOut, kept = c.owners.judge(kind, tree, controller); v.LeftOut != "" {
			return v
		}
		v.Unowned = true
		v.remark("written without its owner: %s", kept)
	} else if len(refs) > 0 {
		v.remark("written without its owners: %s", named(refs))
	}
	strip(kind, tree, &v)
	if isBuiltIn(o.APIVersion) {
		delete(tree, "status")
		c.serve(o, &v)
	} else {
		c.serveCustom(o, &v)
	}
	v.Step = step(groupKind(o.APIVersion, o.Kind), isBuiltIn(o.APIVersion))
	return v
}

// groupKind names a kind without its version, and a kind of the core group without a group.
func groupKind(apiVersion, kind string) string {
	group := groupOf(apiVersion)
	switch {
	case group == "":
		return kind
	case group == "extensions" && moved[kind] != "":
		group = moved[kind] // references to it stayed
	}
	return group + "/" + kind
}

// groupOf returns the group of an apiVersion, "" for the core group.
func groupOf(apiVersion string) string {
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		return ""
	}
	return group
}
