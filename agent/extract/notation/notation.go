// Package notation reads the JSON, and writes the YAML or JSON, of objects of Kubernetes without losing a digit.
//
// It knows trees of maps, lists and scalars, and no kinds. Its invariant: a text that it wrote was read again, as kubectl reads
// it, and equals the tree; what a tree does not hold of the JSON that was read is noted.
package notation

import "errors"

// The endings of the files that hold what Write returns. kubectl takes both.
const (
	EndYAML = ".yaml"
	EndJSON = ".json"
)

// maxTextBytes bounds the YAML of an object: indentation makes the text of a deep one much longer than its JSON.
const maxTextBytes = 64 << 20

// Write returns the text of a tree, and the ending of its file: YAML, or JSON where YAML cannot hold it.
func Write(tree map[string]any) (text []byte, end string, err error) {
	text, inYAML := YAML(tree)
	if inYAML == nil {
		return text, EndYAML, nil
	}
	text, inJSON := JSON(tree)
	if inJSON == nil {
		return text, EndJSON, nil
	}
	return nil, "", errors.Join(inYAML, inJSON)
}

// same reports whether two trees hold the same values.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, value := range a {
			other, there := b[key]
			if !there || !same(value, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	}
	return a == b || sameNumber(a, b)
}
