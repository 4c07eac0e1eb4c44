package extract

import (
	"errors"
	"fmt"

	writer "go.yaml.in/yaml/v2" // that of sigs.k8s.io/yaml, which would first read the object as YAML, and cannot read each
	"sigs.k8s.io/yaml"
)

// maxTextBytes bounds the YAML of an object: indentation makes more of deep ones than their size says.
const maxTextBytes = 8 * maxObjectBytes

// yamlOf writes an object as kubectl does, and reads it again, as kubectl will, to see that it says the same.
func yamlOf(tree map[string]any) ([]byte, error) {
	if textBytes(tree, 0) > maxTextBytes {
		return nil, fmt.Errorf("more than %d bytes of YAML", maxTextBytes)
	}
	text, err := writer.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	back, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, fmt.Errorf("read the YAML again: %w", err)
	}
	again, _, err := parseJSON(back)
	if err != nil {
		return nil, fmt.Errorf("read the YAML again: %w", err)
	}
	if !same(tree, again) {
		return nil, errors.New("YAML cannot say it")
	}
	return text, nil
}

// textBytes is about how long the YAML will be.
func textBytes(v any, depth int) int {
	size := 2*depth + 4
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			size += len(key) + textBytes(value, depth+1)
		}
	case []any:
		for _, value := range v {
			size += textBytes(value, depth+1)
		}
	case string:
		size += len(v)
	}
	return size
}

// same says whether two trees hold the same values.
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
