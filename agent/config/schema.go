package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Schema is the JSON Schema (draft 2020-12) of the configuration file, for editors: it knows every key, its type, its default and its
// bounds. What only [Parse] knows, such as which keys go together, it does not say: what Parse takes, the schema takes.
func Schema() []byte {
	root := schemaOf(reflect.TypeFor[Config]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://github.com/etcdward/etcdward/config.schema.json"
	root["title"] = "etcdward configuration"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(root); err != nil {
		panic(fmt.Sprintf("config: schema: %v", err)) // only maps and strings are in it
	}
	return b.Bytes()
}

func schemaOf(section reflect.Type) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, f := range fieldsOf(section) {
		properties[f.key] = propertyOf(section.Field(f.index).Type, f)
		if f.need {
			required = append(required, f.key)
		}
	}
	s := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func propertyOf(t reflect.Type, f field) map[string]any {
	switch kindOf(t) {
	case sectionKind:
		return orNull(schemaOf(t))
	case choiceKind:
		return orNull(schemaOf(t.Elem()))
	case listKind:
		list := map[string]any{"type": "array"}
		if isSection(t.Elem()) {
			list["items"] = schemaOf(t.Elem())
		} else {
			list["items"] = scalarOf(t.Elem(), field{})
		}
		if f.need {
			list["minItems"] = 1
			return list
		}
		return orNull(list)
	case optionalKind:
		t = t.Elem()
	}
	return scalarOf(t, f)
}

// orNull lets a section be empty: a key with nothing behind it.
func orNull(s map[string]any) map[string]any {
	s["type"] = []string{s["type"].(string), "null"}
	return s
}

// Forms of the values that are text in the file; what they do not catch, Parse does.
const (
	durationForm = `^(0|([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?)$`
	sizeForm     = `^[0-9]+([KMGT]i?B|B)?$`
)

func scalarOf(t reflect.Type, f field) map[string]any {
	s := map[string]any{}
	switch t {
	case reflect.TypeFor[time.Duration]():
		// 0 alone needs no unit, and is a number in YAML.
		s["anyOf"] = []any{map[string]any{"type": "string", "pattern": durationForm}, map[string]any{"const": 0}}
		s["examples"] = []string{"90s", "10m", "30d", "4w"}
	case reflect.TypeFor[Size]():
		s["anyOf"] = []any{map[string]any{"type": "string", "pattern": sizeForm}, map[string]any{"type": "integer", "minimum": 0}}
		s["examples"] = []string{"100MiB", "20GiB"}
	case reflect.TypeFor[Schedule]():
		s["type"], s["examples"] = "string", []string{"0 * * * *", "@daily", "@every 6h", Off}
	case reflect.TypeFor[bool]():
		s["type"] = "boolean"
	case reflect.TypeFor[int]():
		s["type"] = "integer"
	case reflect.TypeFor[float64]():
		s["type"] = "number"
	default:
		s["type"] = "string"
	}
	if len(f.oneof) > 0 {
		s["enum"] = f.oneof
	}
	if s["type"] == "integer" || s["type"] == "number" {
		bound(s, "minimum", f.min)
		bound(s, "maximum", f.max)
		bound(s, "exclusiveMaximum", f.below)
	}
	if f.def != "" {
		s["default"] = defaultOf(s["type"], f.def)
	}
	return s
}

func bound(s map[string]any, name, value string) {
	if value != "" {
		s[name] = json.Number(value)
	}
}

func defaultOf(kind any, text string) any {
	switch kind {
	case "boolean":
		value, _ := strconv.ParseBool(text) // the tags are tested
		return value
	case "integer", "number":
		return json.Number(text)
	}
	return text
}
