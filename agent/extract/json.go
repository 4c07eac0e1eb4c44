package extract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// parseJSON reads one JSON value, numbers as they are written. lost says what of it the result does not hold.
func parseJSON(text []byte) (v any, lost string, err error) {
	if !utf8.Valid(text) {
		return nil, "", errors.New("JSON that is no UTF-8")
	}
	p := parser{dec: json.NewDecoder(bytes.NewReader(text))}
	p.dec.UseNumber()
	if v, err = p.value(0); err != nil {
		return nil, "", fmt.Errorf("parse JSON: %w", err)
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, "", errors.New("parse JSON: more follows it")
	}
	return v, p.lost, nil
}

type parser struct {
	dec  *json.Decoder
	lost string
}

func (p *parser) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		all := []any{}
		for p.dec.More() {
			v, err := p.value(depth + 1)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		_, err := p.dec.Token()
		return all, err
	case json.Delim('{'):
		all := map[string]any{}
		for p.dec.More() {
			key, err := p.dec.Token()
			if err != nil {
				return nil, err
			}
			name := key.(string)
			if _, twice := all[name]; twice {
				p.lost = fmt.Sprintf("the name %.40q stands twice in one object", name)
			}
			if all[name], err = p.value(depth + 1); err != nil {
				return nil, err
			}
		}
		_, err := p.dec.Token()
		return all, err
	}
	return token, nil
}
