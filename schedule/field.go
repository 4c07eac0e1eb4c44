package schedule

import (
	"fmt"
	"strconv"
	"strings"
)

// bound is one field of a cron expression: its name and what it may hold.
type bound struct {
	name     string
	min, max int
	names    []string // of the values from min on; nil: it takes numbers only
	hint     string   // appended if a value is out of range
}

// bounds are the five fields in their order.
var bounds = []bound{
	{name: "minute", min: 0, max: 59, hint: "; for longer steps write @every 90m"},
	{name: "hour", min: 0, max: 23, hint: "; midnight is 0"},
	{name: "day", min: 1, max: 31},
	{name: "month", min: 1, max: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{name: "weekday", min: 0, max: 6, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, hint: "; Sunday is 0"},
}

// check is stricter than the library, which reads "*-5" as "*", drops empty items, and makes "*/90" due every
// hour.
func (b bound) check(field string) error {
	for item := range strings.SplitSeq(field, ",") {
		if err := b.checkItem(item); err != nil {
			return err
		}
	}
	return nil
}

// checkItem takes *, N, N-N, and each of them with /STEP.
func (b bound) checkItem(item string) error {
	if item == "" {
		return fmt.Errorf("nothing is before or after a comma; write a value such as %d", b.min)
	}
	values, step, stepped := strings.Cut(item, "/")
	if stepped {
		n, err := strconv.ParseUint(step, 10, 16)
		switch {
		case err != nil || n == 0:
			return fmt.Errorf("%q has no whole step above 0; write */2 for every second one", item)
		case int(n) > b.max-b.min:
			return fmt.Errorf("step %d reaches beyond the field, which ends at %d%s", n, b.max, b.hint)
		}
	}
	if values == "*" {
		return nil
	}
	from, to, ranged := strings.Cut(values, "-")
	first, err := b.value(from)
	if err != nil || !ranged {
		return err
	}
	last, err := b.value(to)
	if err == nil && last < first {
		err = fmt.Errorf("%q runs backwards; write it as two ranges with a comma between them", values)
	}
	return err
}

func (b bound) value(text string) (int, error) {
	for i, name := range b.names {
		if strings.EqualFold(text, name) {
			return b.min + i, nil
		}
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		if b.names != nil {
			return 0, fmt.Errorf("%q is neither a number from %d to %d nor one of %s", text, b.min, b.max, strings.Join(b.names, " "))
		}
		return 0, fmt.Errorf("%q is not a number from %d to %d; * stands for all of them", text, b.min, b.max)
	}
	if int(n) < b.min || int(n) > b.max {
		return 0, fmt.Errorf("%d is not in %d to %d%s", n, b.min, b.max, b.hint)
	}
	return int(n), nil
}
