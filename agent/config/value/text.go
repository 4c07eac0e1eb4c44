package value

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// ParseText reads one line of text.
func ParseText(s string) (string, error) {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
		return "", errors.New("one line of text is wanted, without line breaks and control characters")
	}
	return s, nil
}

// ParseBool reads true or false, and no other word.
func ParseBool(s string) (bool, error) {
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

// ParseInt reads a whole number in plain digits.
func ParseInt(s string) (int, error) {
	switch {
	case leadingZero.MatchString(s):
		return 0, errors.New("a leading zero makes it octal for some readers: leave the zero out")
	case !wholeNumber.MatchString(s):
		return 0, errors.New("want a whole number in plain digits")
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		// The bounds of the key say which numbers are allowed.
		n = math.MaxInt32
		if s[0] == '-' {
			n = math.MinInt32
		}
	}
	return int(n), nil
}

// ParseRatio reads a share such as 0.2.
func ParseRatio(s string) (float64, error) {
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
