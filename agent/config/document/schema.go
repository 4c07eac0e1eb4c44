package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/etcdward/etcdward/agent/config/value"
)

// Schema is the JSON Schema (draft 2020-12) of the file of a section, for editors: every key, its type, its default and its bounds. It
// lacks what only a [Checker] knows, such as which keys go together: it accepts every file that [Read] accepts.
func Schema(section reflect.Type, id, title string) []byte {
	root := schemaOf(section)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = id
	root["title"] = title
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(root); err != nil {
		panic(fmt.Sprintf("document: schema: %v", err)) // only maps and strings are in it
	}
	return b.Bytes()
}

func schemaOf(section reflect.Type) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, f := range Fields(section) {
		properties[f.Key] = propertyOf(section.Field(f.Index).Type, f)
		if f.Need {
			required = append(required, f.Key)
		}
	}
	s := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func propertyOf(t reflect.Type, f Field) map[string]any {
	switch kindOf(t) {
	case sectionKind:
		return orNull(schemaOf(t))
	case choiceKind:
		return orNull(schemaOf(t.Elem()))
	case listKind:
		list := map[string]any{"type": "array"}
		if IsSection(t.Elem()) {
			list["items"] = schemaOf(t.Elem())
		} else {
			list["items"] = scalarOf(t.Elem(), Field{})
		}
		if f.Need {
			list["minItems"] = 1
			return list
		}
		return orNull(list)
	case optionalKind:
		t = t.Elem()
	}
	return scalarOf(t, f)
}

// orNull lets a section be empty, which is a key with nothing behind it.
func orNull(s map[string]any) map[string]any {
	s["type"] = []string{s["type"].(string), "null"}
	return s
}

// The forms of the values that are text in the file. Parse catches the mistakes that these forms let pass.
const (
	durationForm = `^(0|([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?)$`
	sizeForm     = `^[0-9]+([KMGT]i?B|B)?$`
)

func scalarOf(t reflect.Type, f Field) map[string]any {
	s := map[string]any{}
	switch t {
	case reflect.TypeFor[time.Duration]():
		// 0 alone needs no unit, and is a number in YAML.
		s["anyOf"] = []any{map[string]any{"type": "string", "pattern": durationForm}, map[string]any{"const": 0}}
		s["examples"] = []string{"90s", "10m", "30d", "4w"}
	case reflect.TypeFor[value.Size]():
		s["anyOf"] = []any{map[string]any{"type": "string", "pattern": sizeForm}, map[string]any{"type": "integer", "minimum": 0}}
		s["examples"] = []string{"100MiB", "20GiB"}
	case reflect.TypeFor[value.Schedule]():
		s["type"], s["examples"] = "string", []string{"0 * * * *", "@daily", "@every 6h", value.Off}
	case reflect.TypeFor[bool]():
		s["type"] = "boolean"
	case reflect.TypeFor[int]():
		s["type"] = "integer"
	case reflect.TypeFor[float64]():
		s["type"] = "number"
	default:
		s["type"] = "string"
	}
	if len(f.OneOf) > 0 {
		s["enum"] = f.OneOf
	}
	if s["type"] == "integer" || s["type"] == "number" {
		bound(s, "minimum", f.Min)
		bound(s, "maximum", f.Max)
		bound(s, "exclusiveMaximum", f.Below)
	}
	if f.Default != "" {
		s["default"] = defaultOf(s["type"], f.Default)
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
		value, _ := strconv.ParseBool(text) // a test reads every tag
		return value
	case "integer", "number":
		return json.Number(text)
	}
	return text
}
