package notation

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// number reads a number of JSON as kubectl reads one of YAML: 64 bits, whole or floating. exact reports whether these hold every
// digit of the literal. A number too large for any float stays a json.Number.
func number(literal string) (v any, exact bool) {
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return n, true
	}
	if n, err := strconv.ParseUint(literal, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return json.Number(literal), true
	}
	return f, sameDecimal(literal, strconv.FormatFloat(f, 'e', -1, 64))
}

// sameNumber compares two results of number: YAML writes 1000 for 1e3.
func sameNumber(a, b any) bool {
	x, ok := numeral(a)
	y, also := numeral(b)
	return ok && also && sameDecimal(x, y)
}

func numeral(v any) (literal string, ok bool) {
	switch v := v.(type) {
	case int64, uint64:
		return fmt.Sprint(v), true
	case float64:
		return strconv.FormatFloat(v, 'e', -1, 64), true
	}
	return "", false
}

// sameDecimal reports whether two literals, one of them that of a float, are the same number to the last digit.
func sameDecimal(a, b string) bool {
	digits, exponent := decimal(a)
	others, other := decimal(b)
	return digits == others && exponent == other
}

// decimal splits a literal into digits, of which neither the first nor the last is 0, and an exponent of ten. Zero has no
// digits and no sign.
func decimal(literal string) (digits string, exponent int64) {
	const beyond = 1 << 40 // larger than the exponent of any float
	mantissa, power, _ := strings.Cut(strings.ToLower(literal), "e")
	if power != "" {
		exponent, _ = strconv.ParseInt(power, 10, 64) // out of range: the nearest number
		exponent = max(-beyond, min(exponent, beyond))
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	before, after, _ := strings.Cut(mantissa, ".")
	digits = strings.TrimLeft(before+after, "0")
	zeros := len(digits)
	digits = strings.TrimRight(digits, "0")
	switch {
	case digits == "":
		return "", 0
	case negative:
		digits, zeros = "-"+digits, zeros+1
	}
	return digits, exponent - int64(len(after)) + int64(zeros-len(digits))
}
