package extract

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Encodings of values.
const (
	Protobuf  = "protobuf"  // a built-in kind
	JSON      = "json"      // a custom resource, or a built-in kind that is stored so
	Encrypted = "encrypted" // at rest, with a key that is not in etcd
	Raw       = "raw"       // something else
)

// maxObjectBytes bounds what is taken for an object. An API server takes requests of 3 MiB, and etcd, unless told otherwise,
// of 1.5 MiB.
const maxObjectBytes = 8 << 20

// decoded is what a value says.
type decoded struct {
	Encoding         string
	APIVersion, Kind string
	// Namespace and Name as the object has them.
	Namespace, Name string
	// Note says what is not in tree, or why there is none.
	Note string
	tree map[string]any // nil: the value stays as it is
}

// The prefixes of stored values (apiserver/pkg/storage/value/encrypt, apimachinery/pkg/runtime/serializer/protobuf).
var (
	protobufMark  = []byte("k8s\x00")
	encryptedMark = []byte("k8s:enc:")
)

// envelope is k8s.io/apimachinery/pkg/runtime.Unknown.
var envelope = &message{name: "runtime.Unknown", number: map[protowire.Number]*field{
	1: {number: 1, name: "typeMeta", of: shortMessage("typeMeta", "string", "string")},
	2: {number: 2, name: "raw", scalar: "bytes"},
	3: {number: 3, name: "contentEncoding", scalar: "string"},
	4: {number: 4, name: "contentType", scalar: "string"},
}}

// decode reads a value. It has no error: what cannot be read stays raw, and the note says why.
func decode(value []byte) decoded {
	if rest, ok := bytes.CutPrefix(value, encryptedMark); ok {
		return decoded{Encoding: Encrypted, Note: "encrypted at rest " + provider(rest)}
	}
	if len(value) > maxObjectBytes {
		return decoded{Encoding: Raw, Note: fmt.Sprintf("%d bytes, more than any object of Kubernetes", len(value))}
	}
	if rest, ok := bytes.CutPrefix(value, protobufMark); ok {
		return decodeProtobuf(rest)
	}
	if bytes.HasPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte("{")) {
		return decodeJSON(value)
	}
	return decoded{Encoding: Raw, Note: "no object of Kubernetes"}
}

// provider names what a value was encrypted by, as its prefix says: "aescbc:v1:key1:".
func provider(rest []byte) string {
	words := strings.SplitN(string(rest[:min(len(rest), 200)]), ":", 4)
	if len(words) < 4 || !printable([]byte(words[0]+words[2])) {
		return "in a way that is not known"
	}
	return fmt.Sprintf("by %s with the key %s", words[0], words[2])
}

func decodeProtobuf(wire []byte) decoded {
	d := new(decoder)
	out := decoded{Encoding: Raw}
	found, err := d.split(envelope, wire)
	if err != nil {
		out.Note = "cannot be decoded: " + err.Error()
		return out
	}
	get := func(c *content) []byte {
		if c == nil {
			return nil
		}
		return c.bytes
	}
	meta, err := d.split(envelope.number[1].of, get(found[1]))
	if err != nil {
		out.Note = "cannot be decoded: " + err.Error()
		return out
	}
	out.APIVersion, out.Kind = d.text("apiVersion", get(meta[1])), d.text("kind", get(meta[2]))
	s, err := kubernetes()
	if err != nil {
		out.Note = err.Error()
		return out
	}
	of := s.kinds[out.APIVersion+" "+out.Kind]
	switch {
	case len(get(found[3])) > 0:
		out.Note = fmt.Sprintf("its content is encoded as %.40q", found[3].bytes)
		return out
	case of == nil:
		out.Note = fmt.Sprintf("kind %.80q of %.80q is not known to this version", out.Kind, out.APIVersion)
		return out
	}
	tree := map[string]any{"apiVersion": out.APIVersion, "kind": out.Kind}
	if err := d.object(of, get(found[2]), tree, 0); err != nil {
		out.Note = "cannot be decoded: " + err.Error()
		return out
	}
	out.Encoding, out.tree, out.Note = Protobuf, tree, strings.Join(d.lost, "; ")
	out.identify()
	return out
}

func decodeJSON(value []byte) decoded {
	v, lost, err := parseJSON(value)
	if err != nil {
		return decoded{Encoding: Raw, Note: "cannot be decoded: " + err.Error()}
	}
	tree, _ := v.(map[string]any)
	apiVersion, _ := tree["apiVersion"].(string)
	kind, _ := tree["kind"].(string)
	if apiVersion == "" || kind == "" {
		return decoded{Encoding: Raw, Note: "JSON, and no object of Kubernetes"}
	}
	out := decoded{Encoding: JSON, APIVersion: apiVersion, Kind: kind, tree: tree, Note: lost}
	out.identify()
	return out
}

// identify takes the name from the object.
func (o *decoded) identify() {
	meta, _ := o.tree["metadata"].(map[string]any)
	o.Namespace, _ = meta["namespace"].(string)
	o.Name, _ = meta["name"].(string)
}

// printable says whether it is text, which a terminal only shows.
func printable(b []byte) bool {
	for _, r := range string(b) {
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\t' {
			return false
		}
	}
	return true
}
