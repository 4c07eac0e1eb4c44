package protobuf

import (
	"encoding/base64"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/etcdward/etcdward/agent/extract/notation"
)

// The messages that are no object in JSON, and their fields on the wire.
var (
	numbersMessage = shortMessage("numbers", "int", "int", "string") // of timestamps, durations and integers that may be strings
	textMessage    = shortMessage("text", "string")
	bytesMessage   = shortMessage("bytes", "bytes")
	listMessage    = &message{name: "strings", number: map[protowire.Number]*field{1: {number: 1, name: "items", scalar: "string", shape: list}}}
)

func shortMessage(name string, scalars ...string) *message {
	m := &message{name: name, number: map[protowire.Number]*field{}}
	for i, scalar := range scalars {
		number := protowire.Number(i + 1)
		m.number[number] = &field{number: number, name: name, scalar: scalar}
	}
	return m
}

// single returns the JSON of one value.
func (d *decoder) single(f *field, c *content, depth int) (v any, empty bool, err error) {
	if f.of != nil {
		out := map[string]any{}
		return out, false, d.object(f.of, c.bytes, out, depth+1)
	}
	switch f.scalar {
	case "string":
		return d.text(f.name, c.bytes), len(c.bytes) == 0, nil
	case "bytes":
		if c.bytes == nil {
			return nil, true, nil
		}
		return base64.StdEncoding.EncodeToString(c.bytes), len(c.bytes) == 0, nil
	case "int":
		return int64(c.number), c.number == 0, nil
	case "bool":
		return c.number != 0, c.number == 0, nil
	case "embedded":
		found, err := d.split(bytesMessage, c.bytes)
		if err != nil || found[1] == nil {
			return nil, false, err
		}
		return d.embedded(f.name, found[1].bytes), false, nil
	case "strings":
		found, err := d.split(listMessage, c.bytes)
		if err != nil || found[1] == nil {
			return []any{}, false, err
		}
		v, _, err = d.list(listMessage.number[1], found[1], depth)
		return v, false, err
	case "quantity":
		found, err := d.split(textMessage, c.bytes)
		if err != nil || found[1] == nil || len(found[1].bytes) == 0 {
			return "0", false, err
		}
		return d.text(f.name, found[1].bytes), false, nil
	}
	v, err = d.numbers(f, c)
	return v, false, err
}

// numbers returns the JSON of one value that is a message of two numbers and a text.
func (d *decoder) numbers(f *field, c *content) (any, error) {
	found, err := d.split(numbersMessage, c.bytes)
	if err != nil {
		return nil, err
	}
	first, second, text := whole(found[1]), whole(found[2]), found[3]
	switch f.scalar {
	case "time", "microtime":
		if len(c.bytes) == 0 {
			return nil, nil
		}
		return d.time(f, first, second), nil
	case "duration":
		return time.Duration(first).String(), nil
	case "intorstring":
		if first == 0 {
			return int64(int32(second)), nil
		}
		if text == nil {
			text = new(content)
		}
		return d.text(f.name, text.bytes), nil
	}
	return nil, fmt.Errorf("a field of type %s", f.scalar)
}

func whole(c *content) int64 {
	if c == nil {
		return 0
	}
	return int64(c.number)
}

// time formats a moment as Kubernetes does in JSON: to the second, or to the microsecond.
func (d *decoder) time(f *field, seconds, nanos int64) string {
	layout, dropped := time.RFC3339, nanos // a layout without a fraction drops them
	if f.scalar == "microtime" {
		layout, dropped = "2006-01-02T15:04:05.000000Z07:00", nanos%1000
	}
	at := time.Unix(seconds, nanos).UTC()
	if dropped != 0 || at.Year() < 0 || at.Year() > 9999 {
		d.Add("%s is a time that JSON cannot hold: %d s and %d ns", f.name, seconds, nanos)
	}
	return at.Format(layout)
}

// embedded is JSON inside of protobuf.
func (d *decoder) embedded(name string, raw []byte) any {
	v, lost, err := notation.Parse(raw)
	if err != nil {
		v, lost = base64.StdEncoding.EncodeToString(raw), "not JSON; given in base64"
	}
	if lost != "" {
		d.Add("%s: %s", name, lost)
	}
	return v
}
