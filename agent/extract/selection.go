package extract

import (
	"strings"

	"github.com/etcdward/etcdward/agent/extract/object"
)

// Registry is where an API server keeps everything unless told otherwise.
const Registry = "/registry/"

// Selection is which keys are taken.
type Selection struct {
	// Prefix of the keys. With a namespace it is where the API server keeps everything, as Registry.
	Prefix string
	// Namespace, if not "": only it, and what is in it.
	Namespace string
}

// root is the prefix that every key has.
func (s Selection) root() string {
	if s.Namespace != "" && !strings.HasSuffix(s.Prefix, "/") {
		return s.Prefix + "/"
	}
	return s.Prefix
}

// candidate reports, before the value is read, whether a key can be selected.
func (s Selection) candidate(key string) bool {
	rest, below := strings.CutPrefix(key, s.root())
	if !below || s.Namespace == "" {
		return below
	}
	return strings.Contains("/"+rest+"/", "/"+s.Namespace+"/")
}

// takes reports whether a candidate is selected. An object names its namespace; for what cannot be read the key does.
func (s Selection) takes(key string, o object.Object) bool {
	if s.Namespace == "" {
		return true
	}
	if o.Tree != nil {
		isNamespace := o.APIVersion == "v1" && o.Kind == "Namespace" && o.Name == s.Namespace
		return isNamespace || o.Namespace == s.Namespace
	}
	namespace, name := home(strings.TrimPrefix(key, s.root()))
	return namespace == s.Namespace || strings.HasPrefix(key, s.root()+"namespaces/") && name == s.Namespace
}

// home reads the namespace, "" if there is none, and the name from a key of Kubernetes, below its root:
// RESOURCE[/NAMESPACE]/NAME, or GROUP/RESOURCE[/NAMESPACE]/NAME with a group that has a dot in it, or
// services/KIND/NAMESPACE/NAME.
func home(key string) (namespace, name string) {
	parts := strings.Split(key, "/")
	if len(parts) > 2 && (strings.Contains(parts[0], ".") || parts[0] == "services") {
		parts = parts[1:]
	}
	switch len(parts) {
	case 2:
		return "", parts[1]
	case 3:
		return parts[1], parts[2]
	}
	return "", ""
}
