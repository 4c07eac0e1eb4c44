package value

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Day is 24 hours: durations do not follow clock changes.
const Day = 24 * time.Hour

// MaxDuration is short enough that a duration added to any date stays within the range of both types.
const MaxDuration = 36500 * Day

var durationUnits = []struct {
	name string
	is   time.Duration
}{{"w", 7 * Day}, {"d", Day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// ParseDuration reads 90s, 10m, 30d, 4w or 1h30m: whole numbers, each with its unit, the largest unit first.
// Only 0 needs no unit.
func ParseDuration(s string) (time.Duration, error) {
	if s == "0" {
		return 0, nil
	}
	if strings.HasPrefix(s, "-") {
		return 0, errors.New("a duration cannot be negative")
	}
	var total time.Duration
	left, units := s, durationUnits
	for first := true; first || left != ""; first = false {
		digits := len(left) - len(strings.TrimLeft(left, "0123456789"))
		number, rest := left[:digits], left[digits:]
		end := strings.IndexAny(rest, "0123456789")
		if end < 0 {
			end = len(rest)
		}
		unit := rest[:end]
		left = rest[end:]
		at := -1
		for i, u := range units {
			if u.name == unit {
				at = i
			}
		}
		if number == "" || at < 0 {
			return 0, durationMistake(s, number, unit)
		}
		if len(number) > 1 && number[0] == '0' {
			return 0, errors.New("a number in it has a leading zero: leave the zero out")
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n > int64((MaxDuration-total)/units[at].is) {
			return 0, errors.New("longer than 36500d")
		}
		total += time.Duration(n) * units[at].is
		units = units[at+1:]
	}
	return total, nil
}

// durationMistake recognises the forms that users of other tools write.
func durationMistake(s, number, unit string) error {
	const allowed = " (allowed: such as 90s, 10m, 2h, 30d, 4w, 1h30m)"
	switch {
	case strings.ContainsAny(s, ".,"):
		return errors.New("a duration has whole numbers only: use a smaller unit" + allowed)
	case number != "" && unit == "" && s == number:
		return fmt.Errorf("a number without a unit%s", allowed)
	}
	switch strings.ToLower(strings.TrimSpace(unit)) {
	case "mo", "mon", "month", "months":
		return errors.New("months differ in length: write days, such as 30d" + allowed)
	case "y", "yr", "year", "years":
		return errors.New("years differ in length: write days, such as 365d" + allowed)
	case "ms", "us", "µs", "ns":
		return errors.New("shorter than a second is not supported" + allowed)
	}
	for _, u := range durationUnits {
		if unit == u.name {
			return errors.New("the units stand in falling order, each once" + allowed)
		}
	}
	return errors.New("not a duration" + allowed)
}

// FormatDuration is the inverse of ParseDuration. It uses days and smaller units.
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	var b strings.Builder
	for _, u := range durationUnits[1:] {
		if n := d / u.is; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.is
		}
	}
	return b.String()
}
