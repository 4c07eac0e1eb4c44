// Package protobuf reads objects of Kubernetes as an API server stores them in protobuf, into the tree of their JSON.
//
// It knows the fields of each kind from a text, not from Go types. Its invariant: what a tree does not hold of the bytes is
// noted in Lost.
package protobuf

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Mark begins every value of this encoding (apimachinery/pkg/runtime/serializer/protobuf).
var Mark = []byte("k8s\x00")

// Object is a decoded value.
type Object struct {
	APIVersion, Kind string
	// Tree is the object of its JSON; nil together with an error.
	Tree map[string]any
	// Lost notes what Tree does not hold.
	Lost []string
}

// envelope is k8s.io/apimachinery/pkg/runtime.Unknown.
var envelope = &message{name: "runtime.Unknown", number: map[protowire.Number]*field{
	1: {number: 1, name: "typeMeta", of: shortMessage("typeMeta", "string", "string")},
	2: {number: 2, name: "raw", scalar: "bytes"},
	3: {number: 3, name: "contentEncoding", scalar: "string"},
	4: {number: 4, name: "contentType", scalar: "string"},
}}

// Decode reads a value without its Mark. If it returns an error, APIVersion and Kind are set as far as they are known.
func Decode(wire []byte) (Object, error) {
	var out Object
	d := new(decoder)
	found, err := d.split(envelope, wire)
	if err != nil {
		return out, fmt.Errorf("read protobuf: %w", err)
	}
	meta, err := d.split(envelope.number[1].of, bytesOf(found[1]))
	if err != nil {
		return out, fmt.Errorf("read protobuf: %w", err)
	}
	out.APIVersion, out.Kind = d.text("apiVersion", bytesOf(meta[1])), d.text("kind", bytesOf(meta[2]))
	s, err := kubernetes()
	if err != nil {
		return out, err
	}
	of := s.kinds[out.APIVersion+" "+out.Kind]
	switch {
	case len(bytesOf(found[3])) > 0:
		return out, fmt.Errorf("its content is encoded as %.40q", found[3].bytes)
	case of == nil:
		return out, fmt.Errorf("kind %.80q of %.80q is not known to this version", out.Kind, out.APIVersion)
	}
	tree := map[string]any{"apiVersion": out.APIVersion, "kind": out.Kind}
	if err := d.object(of, bytesOf(found[2]), tree, 0); err != nil {
		return out, fmt.Errorf("read protobuf: %w", err)
	}
	out.Tree, out.Lost = tree, d.Notes
	return out, nil
}

// bytesOf returns the bytes of a field, nil if it is absent.
func bytesOf(c *content) []byte {
	if c == nil {
		return nil
	}
	return c.bytes
}
