package notation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// YAML writes a tree in the style of kubectl, such that readers of YAML 1.1 and of YAML 1.2 understand the same.
func YAML(tree map[string]any) ([]byte, error) {
	if textBytes(tree, 0) > maxTextBytes {
		return nil, fmt.Errorf("write YAML: more than %d bytes", maxTextBytes)
	}
	w := new(yamlWriter)
	if err := w.mapping(tree, 0, true); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	back, err := yaml.YAMLToJSONStrict(w.Bytes())
	if err != nil {
		return nil, fmt.Errorf("read the YAML again: %w", err)
	}
	again, _, err := Parse(back)
	if err != nil {
		return nil, fmt.Errorf("read the YAML again: %w", err)
	}
	if !same(tree, again) {
		return nil, errors.New("read the YAML again: it differs")
	}
	return w.Bytes(), nil
}

// JSON writes a tree as JSON, which holds deeper trees and longer names than YAML.
func JSON(tree map[string]any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tree); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	text := append(Visible(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), '\n')
	again, _, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the JSON again: %w", err)
	}
	var kubectl any // refuses a number that no float holds
	if err := json.Unmarshal(text, &kubectl); err != nil {
		return nil, fmt.Errorf("read the JSON again: %w", err)
	}
	if !same(tree, again) {
		return nil, errors.New("read the JSON again: it differs")
	}
	return text, nil
}

// textBytes estimates the length of the YAML.
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

type yamlWriter struct{ bytes.Buffer }

// mapping writes the entries of a map that is not empty. The first one continues a line that is begun, if begun.
func (w *yamlWriter) mapping(m map[string]any, indent int, begun bool) error {
	const maxKeyBytes = 1000 // YAML allows 1024 characters between the start of a key and its colon
	if len(m) == 0 {
		w.WriteString("{}\n")
		return nil
	}
	for i, name := range slices.Sorted(maps.Keys(m)) {
		key, err := inline(name)
		if err != nil {
			return err
		}
		if len(key) > maxKeyBytes {
			return fmt.Errorf("a name of %d bytes", len(name))
		}
		if i > 0 || !begun {
			w.pad(indent)
		}
		w.WriteString(key + ":")
		switch v := m[name].(type) {
		case map[string]any:
			if len(v) > 0 {
				w.WriteString("\n")
				err = w.mapping(v, indent+2, false)
				break
			}
			w.WriteString(" {}\n")
		case []any:
			if len(v) > 0 {
				w.WriteString("\n")
				err = w.list(v, indent, false)
				break
			}
			w.WriteString(" []\n")
		default:
			w.WriteString(" ")
			err = w.scalar(v, indent+2)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list writes the elements of a list that is not empty.
func (w *yamlWriter) list(all []any, indent int, begun bool) error {
	for i, element := range all {
		if i > 0 || !begun {
			w.pad(indent)
		}
		w.WriteString("- ")
		var err error
		switch v := element.(type) {
		case map[string]any:
			err = w.mapping(v, indent+2, true)
		case []any:
			if len(v) > 0 {
				err = w.list(v, indent+2, true)
				break
			}
			w.WriteString("[]\n")
		default:
			err = w.scalar(v, indent+2)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *yamlWriter) pad(n int) {
	for range n {
		w.WriteByte(' ')
	}
}

// scalar ends the line with a value, or writes the lines of a text at the indent.
func (w *yamlWriter) scalar(v any, indent int) error {
	text, isText := v.(string)
	if isText && isBlock(text) {
		w.block(text, indent)
		return nil
	}
	if isText {
		line, err := inline(text)
		w.WriteString(line + "\n")
		return err
	}
	switch v := v.(type) {
	case nil:
		w.WriteString("null\n")
	case bool, int64, uint64:
		fmt.Fprintln(w, v)
	case float64:
		w.WriteString(float(v) + "\n")
	default:
		return fmt.Errorf("%v is a number that no reader holds", v)
	}
	return nil
}

// float writes a number with a point, without which YAML 1.1 takes an exponent for text.
func float(f float64) string {
	if f == 0 {
		return "0.0"
	}
	mantissa, exponent, large := strings.Cut(strconv.FormatFloat(f, 'g', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	if large {
		return mantissa + "e" + exponent
	}
	return mantissa
}
