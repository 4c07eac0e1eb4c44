package protobuf

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/etcdward/etcdward/agent/extract/notation"
)

// decoder turns one protobuf message into the tree of its JSON, and notes what the tree does not hold.
type decoder struct{ notation.Losses }

// content is everything that a message holds for one field.
type content struct {
	seen     bool
	number   uint64   // the last, of numbers
	numbers  []uint64 // all, of numbers
	bytes    []byte   // of a scalar the last one; of a message all, one after the other: so they merge
	elements [][]byte
}

// object adds the fields of a message to out, which is the object of its JSON.
func (d *decoder) object(m *message, wire []byte, out map[string]any, depth int) error {
	if depth > notation.MaxDepth {
		return notation.ErrDeep
	}
	found, err := d.split(m, wire)
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	for _, f := range m.fields {
		c := found[f.number]
		if c == nil {
			c = new(content)
		}
		if f.name == "." {
			if f.shape == optional && !c.seen {
				continue
			}
			if err := d.object(f.of, c.bytes, out, depth+1); err != nil {
				return err
			}
			continue
		}
		v, empty, err := d.value(f, c, depth)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if empty && f.omitEmpty || v == nil && f.omitZero {
			continue
		}
		out[f.name] = v
	}
	return nil
}

// isEmpty reports whether the value of an unknown field is zero: nothing is lost with it. Go's writers of Kubernetes write the
// zero value of every field that is no pointer, and so objects that an older release wrote hold such values of fields that
// were removed since. A message is empty if it holds nothing but empty values; no text is one, since each of them has a NUL.
func isEmpty(kind protowire.Type, value []byte, depth int) bool {
	switch kind {
	case protowire.VarintType:
		number, _ := protowire.ConsumeVarint(value)
		return number == 0
	case protowire.Fixed32Type, protowire.Fixed64Type:
		return len(bytes.Trim(value, "\x00")) == 0
	case protowire.StartGroupType, protowire.EndGroupType: // obsolete, and never written
		return false
	}
	rest, _ := protowire.ConsumeBytes(value)
	for len(rest) > 0 {
		_, kind, n := protowire.ConsumeTag(rest)
		if n < 0 || depth > notation.MaxDepth {
			return false
		}
		size := protowire.ConsumeFieldValue(1, kind, rest[n:])
		if size < 0 || !isEmpty(kind, rest[n:n+size], depth+1) {
			return false
		}
		rest = rest[n+size:]
	}
	return true
}

// split sorts the fields of a message by their number.
func (d *decoder) split(m *message, wire []byte) (map[protowire.Number]*content, error) {
	found := make(map[protowire.Number]*content, len(m.fields))
	for len(wire) > 0 {
		number, kind, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		wire = wire[n:]
		size := protowire.ConsumeFieldValue(number, kind, wire)
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		f := m.number[number]
		if f == nil {
			if !isEmpty(kind, wire[:size], 0) {
				d.Add("field %d of %s is not known to this version", number, m.name)
			}
			wire = wire[size:]
			continue
		}
		c := found[number]
		if c == nil {
			c = &content{seen: true}
			found[number] = c
		}
		if err := c.take(f, kind, wire[:size]); err != nil {
			return nil, fmt.Errorf("field %d: %w", number, err)
		}
		wire = wire[size:]
	}
	return found, nil
}

// isNumber reports whether a field is a varint on the wire; everything else is bytes.
func (f *field) isNumber() bool {
	return f.shape != mapping && (f.scalar == "int" || f.scalar == "bool")
}

func (c *content) take(f *field, kind protowire.Type, value []byte) error {
	switch {
	case f.isNumber() && kind == protowire.VarintType:
		number, _ := protowire.ConsumeVarint(value)
		c.number, c.numbers = number, append(c.numbers, number)
		return nil
	case f.isNumber() && kind == protowire.BytesType && f.shape == list: // packed
		packed, _ := protowire.ConsumeBytes(value)
		for len(packed) > 0 {
			number, n := protowire.ConsumeVarint(packed)
			if n < 0 {
				return protowire.ParseError(n)
			}
			c.numbers, packed = append(c.numbers, number), packed[n:]
		}
		return nil
	case f.isNumber() || kind != protowire.BytesType:
		return fmt.Errorf("wire type %d", kind)
	}
	body, _ := protowire.ConsumeBytes(value)
	switch {
	case f.shape == list || f.shape == mapping:
		c.elements = append(c.elements, body)
	case f.scalar == "string" || f.scalar == "bytes" || c.bytes == nil:
		c.bytes = body[:len(body):len(body)]
	default:
		c.bytes = append(c.bytes, body...)
	}
	return nil
}

// value returns the JSON of a field, and whether Go calls it empty.
func (d *decoder) value(f *field, c *content, depth int) (v any, empty bool, err error) {
	switch f.shape {
	case list:
		return d.list(f, c, depth)
	case mapping:
		return d.mapping(f, c, depth)
	case optional:
		if !c.seen {
			return nil, true, nil
		}
		v, _, err = d.single(f, c, depth)
		return v, false, err
	}
	v, empty, err = d.single(f, c, depth)
	// A writer that knows the field writes a message even if it is empty.
	return v, empty || f.of != nil && !c.seen, err
}

func (d *decoder) list(f *field, c *content, depth int) (any, bool, error) {
	var all []any
	for _, number := range c.numbers {
		v, _, err := d.single(f, &content{seen: true, number: number}, depth)
		if err != nil {
			return nil, false, err
		}
		all = append(all, v)
	}
	for _, element := range c.elements {
		v, _, err := d.single(f, &content{seen: true, bytes: element}, depth)
		if err != nil {
			return nil, false, err
		}
		all = append(all, v)
	}
	if all == nil {
		return nil, true, nil
	}
	return all, false, nil
}

// mapping reads a map: each element is a message of a key and a value.
func (d *decoder) mapping(f *field, c *content, depth int) (any, bool, error) {
	if len(c.elements) == 0 {
		return nil, true, nil
	}
	valueField := &field{number: 2, name: "value", scalar: f.scalar, of: f.of}
	entry := &message{name: f.name, number: map[protowire.Number]*field{1: {number: 1, name: "key", scalar: "string"}, 2: valueField}}
	out := make(map[string]any, len(c.elements))
	for _, element := range c.elements {
		found, err := d.split(entry, element)
		if err != nil {
			return nil, false, err
		}
		key, value := found[1], found[2]
		if key == nil {
			key = new(content)
		}
		if value == nil {
			value = new(content)
		}
		if value.bytes == nil {
			value.bytes = []byte{} // in a map there is no absent value
		}
		name := d.text(f.name, key.bytes)
		if _, twice := out[name]; twice {
			d.Add("%s has the key %.40q twice", f.name, name)
		}
		v, _, err := d.single(valueField, value, depth)
		if err != nil {
			return nil, false, err
		}
		out[name] = v
	}
	return out, false, nil
}

// text returns a string, and notes one that JSON cannot hold because it is not UTF-8.
func (d *decoder) text(name string, b []byte) string {
	if !utf8.Valid(b) {
		d.Add("%s is not UTF-8", name)
	}
	return string(b)
}
