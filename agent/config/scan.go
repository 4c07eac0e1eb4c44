package config

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxText, in bytes, is above every path, URL and key there is.
const maxText = 4096

// scan reads one value into v. Its errors never repeat s.
func (d *decoder) scan(v reflect.Value, s string) (err error) {
	if len(s) > maxText {
		return fmt.Errorf("longer than %d bytes", maxText)
	}
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p, err = parseText(s)
	case *bool:
		*p, err = parseBool(s)
	case *int:
		*p, err = parseInt(s)
	case *float64:
		*p, err = parseRatio(s)
	case *time.Duration:
		*p, err = parseDuration(s)
	case *Size:
		*p, err = parseSize(s)
	case *File:
		*p, err = parseFile(s)
	case *Schedule:
		*p, err = parseSchedule(s, d.location)
	case *TimeZone:
		if *p, err = parseTimeZone(s); err == nil {
			d.location = p.Location
		}
	default:
		panic("config: no reader for " + v.Type().String())
	}
	return err
}

func parseText(s string) (string, error) {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
		return "", errors.New("one line of text is wanted, without line breaks and control characters")
	}
	return s, nil
}

func parseBool(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	switch strings.ToLower(s) {
	case "yes", "y", "on", "true":
		return false, errors.New("want true or false (did you mean true?)")
	case "no", "n", "off", "false":
		return false, errors.New("want true or false (did you mean false?)")
	}
	return false, errors.New("want true or false")
}

var (
	wholeNumber  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	leadingZero  = regexp.MustCompile(`^-?0[0-9]+(\.[0-9]*)?$`)
	plainDecimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
)

func parseInt(s string) (int, error) {
	switch {
	case leadingZero.MatchString(s):
		return 0, errors.New("a leading zero makes it octal for some readers: leave the zero out")
	case !wholeNumber.MatchString(s):
		return 0, errors.New("want a whole number in plain digits")
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		// The bounds of the key say the rest.
		n = math.MaxInt32
		if s[0] == '-' {
			n = math.MinInt32
		}
	}
	return int(n), nil
}

func parseRatio(s string) (float64, error) {
	switch {
	case strings.HasSuffix(s, "%"):
		return 0, errors.New("want a share such as 0.2, not a percentage")
	case leadingZero.MatchString(s):
		return 0, errors.New("a leading zero makes it octal for some readers: leave the zero out")
	case !plainDecimal.MatchString(s):
		return 0, errors.New("want a number in plain digits, such as 0.2")
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, errors.New("want a number in plain digits, such as 0.2")
	}
	return f, nil
}

// outside says what is allowed where v is not.
func (d *decoder) outside(v reflect.Value, f field) string {
	beyond := func(bound string, wrong ...int) bool {
		if bound == "" {
			return false
		}
		limit := reflect.New(v.Type()).Elem()
		d.preset(limit, bound)
		var order int
		if v.Kind() == reflect.Float64 {
			order = cmp.Compare(v.Float(), limit.Float())
		} else {
			order = cmp.Compare(v.Int(), limit.Int())
		}
		return slices.Contains(wrong, order)
	}
	if !beyond(f.min, -1) && !beyond(f.max, 1) && !beyond(f.below, 0, 1) {
		return ""
	}
	switch {
	case f.max != "":
		return f.min + " to " + f.max
	case f.below != "":
		return f.min + " or more, less than " + f.below
	default:
		return f.min + " or more"
	}
}
