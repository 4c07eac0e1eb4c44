package document

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/config/value"
)

// maxText, in bytes, is longer than every real path, URL and key.
const maxText = 4096

// scan reads one value into v. Its errors never repeat s.
func (r *Reader) scan(v reflect.Value, s string) (err error) {
	if len(s) > maxText {
		return fmt.Errorf("longer than %d bytes", maxText)
	}
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p, err = value.ParseText(s)
	case *bool:
		*p, err = value.ParseBool(s)
	case *int:
		*p, err = value.ParseInt(s)
	case *float64:
		*p, err = value.ParseRatio(s)
	case *time.Duration:
		*p, err = value.ParseDuration(s)
	case *value.Size:
		*p, err = value.ParseSize(s)
	case *value.File:
		*p, err = value.ParseFile(s)
	case *value.Schedule:
		*p, err = value.ParseSchedule(s, r.location)
	case *value.TimeZone:
		if *p, err = value.ParseTimeZone(s); err == nil {
			r.location = p.Location
		}
	default:
		panic("document: no reader for " + v.Type().String())
	}
	return err
}

// outside says what is allowed if v is not.
func (r *Reader) outside(v reflect.Value, f Field) string {
	beyond := func(bound string, wrong ...int) bool {
		if bound == "" {
			return false
		}
		limit := reflect.New(v.Type()).Elem()
		r.preset(limit, bound)
		var order int
		if v.Kind() == reflect.Float64 {
			order = cmp.Compare(v.Float(), limit.Float())
		} else {
			order = cmp.Compare(v.Int(), limit.Int())
		}
		return slices.Contains(wrong, order)
	}
	if !beyond(f.Min, -1) && !beyond(f.Max, 1) && !beyond(f.Below, 0, 1) {
		return ""
	}
	switch {
	case f.Max != "":
		return f.Min + " to " + f.Max
	case f.Below != "":
		return f.Min + " or more, less than " + f.Below
	default:
		return f.Min + " or more"
	}
}
