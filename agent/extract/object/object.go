// Package object reads what one stored value says: which object of Kubernetes it is, in which encoding.
//
// It knows nothing of snapshots and files. Its invariant: what Tree does not hold of the value, or why there is none, is noted.
package object

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/extract/notation"
	"github.com/etcdward/etcdward/agent/extract/protobuf"
	"github.com/etcdward/etcdward/agent/extract/unlock"
)

// Encodings of values.
const (
	Protobuf  = "protobuf"  // a built-in kind
	JSON      = "json"      // a custom resource, or a built-in kind that is stored so
	Encrypted = "encrypted" // at rest, with a key that is not at hand
	Raw       = "raw"       // something else
)

// MaxBytes bounds the size of an object. An API server takes requests of 3 MiB, and etcd, unless told otherwise, of 1.5 MiB.
const MaxBytes = 8 << 20

// Object is a decoded value.
type Object struct {
	Encoding         string
	APIVersion, Kind string
	// Namespace and Name as the object has them.
	Namespace, Name string
	// Note is what Tree does not hold, or why there is none.
	Note string
	// Tree is the object; nil: the value stays as it is.
	Tree map[string]any
	// Plain is the value after decryption; nil: it was not encrypted, or stays so.
	Plain []byte
}

// Decode reads the value of a key. It has no error: what cannot be read stays raw, and the note says why.
func Decode(key, value []byte, keys *unlock.Keys) Object {
	if !bytes.HasPrefix(value, unlock.Mark) {
		return decode(value)
	}
	plain, note := keys.Open(key, value)
	if plain == nil {
		return Object{Encoding: Encrypted, Note: note}
	}
	out := decode(plain)
	out.Plain = plain
	return out
}

func decode(value []byte) Object {
	if len(value) > MaxBytes {
		return Object{Encoding: Raw, Note: fmt.Sprintf("%d bytes, more than any object of Kubernetes", len(value))}
	}
	if rest, ok := bytes.CutPrefix(value, protobuf.Mark); ok {
		return decodeProtobuf(rest)
	}
	if bytes.HasPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte("{")) {
		return decodeJSON(value)
	}
	return Object{Encoding: Raw, Note: "no object of Kubernetes"}
}

func decodeProtobuf(wire []byte) Object {
	found, err := protobuf.Decode(wire)
	out := Object{Encoding: Raw, APIVersion: found.APIVersion, Kind: found.Kind}
	if err != nil {
		out.Note = "cannot be decoded: " + err.Error()
		return out
	}
	out.Encoding, out.Tree, out.Note = Protobuf, found.Tree, strings.Join(found.Lost, "; ")
	out.identify()
	return out
}

func decodeJSON(value []byte) Object {
	v, lost, err := notation.Parse(value)
	if err != nil {
		return Object{Encoding: Raw, Note: "cannot be decoded: " + err.Error()}
	}
	tree, _ := v.(map[string]any)
	apiVersion, _ := tree["apiVersion"].(string)
	kind, _ := tree["kind"].(string)
	if apiVersion == "" || kind == "" {
		return Object{Encoding: Raw, Note: "JSON, but no object of Kubernetes"}
	}
	out := Object{Encoding: JSON, APIVersion: apiVersion, Kind: kind, Tree: tree, Note: lost}
	out.identify()
	return out
}

// identify takes the name from the object.
func (o *Object) identify() {
	meta, _ := o.Tree["metadata"].(map[string]any)
	o.Namespace, _ = meta["namespace"].(string)
	o.Name, _ = meta["name"].(string)
}
