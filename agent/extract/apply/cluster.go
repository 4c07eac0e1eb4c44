package apply

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/etcdward/etcdward/agent/extract/object"
	"github.com/etcdward/etcdward/agent/extract/protobuf"
)

// Cluster is what the objects of a snapshot tell about the cluster that they are from.
type Cluster struct {
	owners owners
	// definitions of custom resources, by group and kind.
	definitions map[string]definition
	// listed are the apiVersions that its API servers list as served.
	listed map[string]bool
	// told is the newest minor release 1.N that an object names; 0: none does. The API servers are of it, or newer.
	told int
	// stored is the newest minor release that first served a version in which an object is stored.
	stored int
}

// New returns a Cluster that knows nothing yet.
func New() *Cluster {
	return &Cluster{owners: owners{}, definitions: map[string]definition{}, listed: map[string]bool{}}
}

// Facts are the parts of keys whose objects tell about the cluster, whatever is selected.
var Facts = []string{"/apiextensions.k8s.io/customresourcedefinitions/", "/apiregistration.k8s.io/apiservices/", "/minions/", "/configmaps/kube-system/kubeadm-config"}

// Learn takes in an object: all those with one of Facts in their key, and all that are selected, before the first Prepare.
// Learn may change the tree of a CustomResourceDefinition.
func (c *Cluster) Learn(o object.Object, selected bool) error {
	for _, v := range protobuf.Versions(o.Kind) {
		if v.APIVersion == o.APIVersion {
			c.stored = max(c.stored, v.Since)
		}
	}
	spec, _ := o.Tree["spec"].(map[string]any)
	switch groupKind(o.APIVersion, o.Kind) {
	case "apiextensions.k8s.io/CustomResourceDefinition":
		c.define(o.Tree)
		return nil
	case "apiregistration.k8s.io/APIService":
		group, _ := spec["group"].(string)
		version, _ := spec["version"].(string)
		c.listed[strings.TrimPrefix(group+"/"+version, "/")] = true
	case "Node":
		status, _ := o.Tree["status"].(map[string]any)
		info, _ := status["nodeInfo"].(map[string]any)
		version, _ := info["kubeletVersion"].(string) // never newer than the API servers
		c.tell(version)
	case "ConfigMap":
		data, _ := o.Tree["data"].(map[string]any)
		text, _ := data["ClusterConfiguration"].(string)
		if of := kubeadmVersion.FindStringSubmatch(text); o.Name == "kubeadm-config" && of != nil {
			c.tell(of[1])
		}
	}
	if !selected {
		return nil
	}
	return c.owners.add(o)
}

var (
	kubeadmVersion = regexp.MustCompile(`(?m)^kubernetesVersion: "?(v1\.\d+)`)
	minorVersion   = regexp.MustCompile(`^v1\.(\d+)`)
)

func (c *Cluster) tell(version string) {
	if of := minorVersion.FindStringSubmatch(version); of != nil {
		minor, _ := strconv.Atoi(of[1]) // out of range: no release
		c.told = max(c.told, minor)
	}
}

// minor is the minor release of the API servers, as far as it is known: they are of it, or newer.
func (c *Cluster) minor() int {
	if !c.isKnown() {
		return protobuf.Newest()
	}
	minor := max(c.told, c.stored)
	for apiVersion := range c.served() {
		minor = max(minor, firstMinor()[apiVersion])
	}
	return minor
}

// served returns the apiVersions that the API servers serve; nil if the snapshot has no list of them. Each API server lists v1.
func (c *Cluster) served() map[string]bool {
	if !c.listed["v1"] {
		return nil
	}
	return c.listed
}

// isKnown reports whether the snapshot tells what its API servers serve.
func (c *Cluster) isKnown() bool { return c.served() != nil || c.told > 0 }
