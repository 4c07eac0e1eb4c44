// Package census counts what a cluster holds: how many objects of each resource of Kubernetes, and how they are stored. It is told one key after
// the other and keeps counts only, no key and no value.
//
// Its one invariant: its memory does not grow with the cluster.
package census

import (
	"bytes"
	"strings"

	"github.com/etcdward/etcdward/agent/extract/object"
	"github.com/etcdward/etcdward/agent/extract/unlock"
)

// Root is below which an API server keeps its objects, unless its --etcd-prefix says otherwise.
const Root = "/registry/"

const (
	// maxResources is more than any cluster has. What comes after them is counted as Rest.
	maxResources = 400
	// Rest is where the objects of further resources are counted.
	Rest = "(further resources)"
	// sampled is how many objects of each resource are decoded whole.
	sampled = 20
)

// Census is what was counted.
type Census struct {
	// Objects by resource, such as "pods", or "example.com/widgets" for a custom one.
	Objects map[string]int64 `json:"objects,omitempty"`
	// Encrypted objects by resource: at rest, with a key that the API servers have.
	Encrypted map[string]int64 `json:"encrypted,omitempty"`
	// Decoded is how many objects were decoded whole, and Unreadable how many values below Root are no objects of Kubernetes.
	Decoded    int64 `json:"decoded,omitempty"`
	Unreadable int64 `json:"unreadable,omitempty"`
	// FirstUnreadable says which was the first, by its resource, and why.
	FirstUnreadable string `json:"first_unreadable,omitempty"`
	// Other is how many keys are not below Root.
	Other int64 `json:"other_keys,omitempty"`
}

// Add counts a key with its value.
func (c *Census) Add(key, value []byte) {
	resource, is := Resource(key)
	if !is {
		c.Other++
		return
	}
	if c.Objects == nil {
		c.Objects, c.Encrypted = map[string]int64{}, map[string]int64{}
	}
	if _, known := c.Objects[resource]; !known && len(c.Objects) >= maxResources {
		resource = Rest
	}
	c.Objects[resource]++
	if bytes.HasPrefix(value, unlock.Mark) {
		c.Encrypted[resource]++
		return
	}
	if bookKeeping[resource] || c.Objects[resource] > sampled {
		return
	}
	found := object.Decode(key, value, nil)
	if found.Encoding != object.Raw {
		c.Decoded++
		return
	}
	c.Unreadable++
	if c.FirstUnreadable == "" {
		c.FirstUnreadable = resource + ": " + found.Note
	}
}

// Total is how many objects were counted.
func (c *Census) Total() (objects, encrypted int64) {
	for _, n := range c.Objects {
		objects += n
	}
	for _, n := range c.Encrypted {
		encrypted += n
	}
	return objects, encrypted
}

// bookKeeping are the resources below Root whose values are no objects, but notes of the API server to itself.
var bookKeeping = map[string]bool{"masterleases": true, "ranges": true, "compact_rev_key": true}

// Resource returns the resource of a key: its first part below Root or, for a resource with a group, which has a dot, the first two. false: the
// key is not below Root.
func Resource(key []byte) (string, bool) {
	rest, is := strings.CutPrefix(string(key), Root)
	if !is {
		return "", false
	}
	group, rest, more := strings.Cut(rest, "/")
	if !more || !strings.Contains(group, ".") {
		return group, true
	}
	resource, _, _ := strings.Cut(rest, "/")
	return group + "/" + resource, true
}
