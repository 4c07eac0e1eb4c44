// Package value reads and judges one value of the configuration: its text in, and and a value or a sentence about the
// mistake out.
//
// It knows no keys and no files. Its errors never repeat the text, which may be a secret that somebody put in
// the wrong place.
package value

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, never negative.
type Size int64

var sizeUnits = []struct {
	name string
	is   Size
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
}

// String is the size in the greatest unit that gives a whole number.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.is == 0 && u.is > 1 {
			return strconv.FormatInt(int64(s/u.is), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// ParseSize reads 100MiB, 500MB or a plain number of bytes.
func ParseSize(s string) (Size, error) {
	const allowed = " (allowed: such as 100MiB, 20GiB, 1TiB, 500MB, or plain bytes)"
	if strings.HasPrefix(s, "-") {
		return 0, errors.New("a size cannot be negative")
	}
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	number, unit := s[:digits], s[digits:]
	factor := Size(0)
	if unit == "" {
		factor = 1
	}
	for _, u := range sizeUnits {
		if u.name == unit {
			factor = u.is
		}
	}
	switch {
	case number != "" && strings.HasPrefix(unit, "."):
		return 0, errors.New("a size is a whole number: use a smaller unit" + allowed)
	case number == "":
		return 0, errors.New("not a size" + allowed)
	case factor == 0:
		for _, u := range sizeUnits {
			if unit == u.name[:1] || strings.EqualFold(strings.TrimSpace(unit), u.name) {
				return 0, fmt.Errorf("not a unit of size; did you mean %s%s?%s", number, u.name, allowed)
			}
		}
		return 0, errors.New("not a unit of size" + allowed)
	case len(number) > 1 && number[0] == '0':
		return 0, errors.New("a size has no leading zero: leave the zero out")
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/int64(factor) {
		return 0, errors.New("larger than 8388607TiB")
	}
	return Size(n) * factor, nil
}
