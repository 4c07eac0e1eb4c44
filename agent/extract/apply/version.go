package apply

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/etcdward/etcdward/agent/extract/object"
	"github.com/etcdward/etcdward/agent/extract/protobuf"
)

// everywhere is a minor release that every API server in use has reached: what it serves for good needs no doubt.
const everywhere = 25

// jsonKinds are the built-in kinds that API servers store as JSON only.
var jsonKinds = map[string][]protobuf.Version{
	"CustomResourceDefinition": {{APIVersion: "apiextensions.k8s.io/v1", Since: 16}, {APIVersion: "apiextensions.k8s.io/v1beta1", Since: 7, Until: 22}},
	"APIService":               {{APIVersion: "apiregistration.k8s.io/v1", Since: 10}, {APIVersion: "apiregistration.k8s.io/v1beta1", Since: 7, Until: 22}},
}

// moved are the kinds that left the group extensions.
var moved = map[string]string{"Deployment": "apps", "DaemonSet": "apps", "ReplicaSet": "apps", "Ingress": "networking.k8s.io",
	"NetworkPolicy": "networking.k8s.io", "PodSecurityPolicy": "policy"}

// firstMinor is the minor release of each apiVersion, that of its oldest kind.
var firstMinor = sync.OnceValue(func() map[string]int {
	first := map[string]int{}
	for _, of := range protobuf.AllVersions() {
		if at, seen := first[of.APIVersion]; of.Since > 0 && (!seen || of.Since < at) {
			first[of.APIVersion] = of.Since
		}
	}
	return first
})

// isBuiltIn reports whether the kinds of an apiVersion are Kubernetes' own.
func isBuiltIn(apiVersion string) bool {
	group := groupOf(apiVersion)
	return !strings.Contains(group, ".") || protobuf.Groups()[group] || group == "apiextensions.k8s.io" || group == "apiregistration.k8s.io"
}

var stableVersion = regexp.MustCompile(`^v\d+$`)

// isStable reports whether an apiVersion is neither alpha nor beta: servers serve it without being told to.
func isStable(apiVersion string) bool {
	return stableVersion.MatchString(apiVersion[strings.LastIndex(apiVersion, "/")+1:])
}

// serves reports whether the API servers of the cluster serve a version.
func (c *Cluster) serves(v protobuf.Version) bool {
	minor := c.minor()
	if v.Since > minor || v.Until != 0 && v.Until <= minor {
		return false
	}
	if served := c.served(); served != nil {
		return served[v.APIVersion]
	}
	return isStable(v.APIVersion)
}

// versionsOf returns the versions of a built-in kind, the stored one first, then the stable ones, newest first.
func versionsOf(apiVersion, kind string) []protobuf.Version {
	var all []protobuf.Version
	group := groupOf(apiVersion)
	for _, v := range append(slices.Clone(jsonKinds[kind]), protobuf.Versions(kind)...) {
		if of := groupOf(v.APIVersion); of == group || group == "extensions" && of == moved[kind] {
			all = append(all, v)
		}
	}
	rank := func(v protobuf.Version) int {
		switch {
		case v.APIVersion == apiVersion:
			return 0
		case isStable(v.APIVersion):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b protobuf.Version) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Since, a.Since), cmp.Compare(number(b), number(a)))
	})
	return all
}

// number is the N of vN.
func number(v protobuf.Version) int {
	n, _ := strconv.Atoi(strings.TrimLeft(v.APIVersion[strings.LastIndex(v.APIVersion, "/")+1:], "v")) // none: 0
	return n
}

// serve writes a built-in object in a version that the API servers of the cluster serve.
func (c *Cluster) serve(o *object.Object, v *Verdict) {
	all := versionsOf(o.APIVersion, o.Kind)
	var failed string
	for _, version := range all {
		if !c.serves(version) {
			continue
		}
		if version.APIVersion == o.APIVersion {
			return
		}
		tree, _ := clone(o.Tree).(map[string]any)
		remarks := Verdict{}
		convert(o.APIVersion, version.APIVersion, tree, &remarks)
		tree["apiVersion"] = version.APIVersion
		if misfit := misfit(tree, version.APIVersion, o.Kind); misfit != "" {
			failed = "; it has no " + misfit + " in " + version.APIVersion
			continue
		}
		v.Remarks, v.Doubtful = append(v.Remarks, remarks.Remarks...), v.Doubtful || remarks.Doubtful
		if !c.isKnown() && version.Since > everywhere {
			v.doubt("written as %s, which servers serve since 1.%d: which one the snapshot is from is not known", version.APIVersion, version.Since)
		}
		o.Tree, o.APIVersion = tree, version.APIVersion
		return
	}
	if o.APIVersion == "" || len(all) == 0 && isStable(o.APIVersion) && (c.served() == nil || c.served()[o.APIVersion]) {
		return // a kind that is newer than this program, in a version that is served
	}
	v.doubt("written as %s, as it is stored: no version of this kind is known that its API servers serve%s", o.APIVersion, failed)
}

// misfit returns a field that a converted object has and its version has not.
func misfit(tree map[string]any, apiVersion, kind string) string {
	if jsonKinds[kind] != nil {
		return ""
	}
	return protobuf.Misfit(tree, apiVersion, kind)
}

// clone copies a tree.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			out[name] = clone(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = clone(value)
		}
		return out
	}
	return v
}
