package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// longestExpr is in bytes.
const longestExpr = 256

const fiveFields = "five fields: minute hour day month weekday"

// descriptors are what the short forms stand for.
var descriptors = map[string]string{
	"@hourly":   "0 * * * *",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@weekly":   "0 0 * * 0",
	"@monthly":  "0 0 1 * *",
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
}

// Parse reads a cron expression of five fields, a descriptor such as @daily, or
// "@every D". The fields are read in loc; nil means UTC. "@every D" is due at the
// multiples of D since 1970-01-01T00:00:00Z, in any zone.
//
// When the clocks of loc change, an expression whose hour is "*" goes by elapsed time: in an hour that occurs
// twice it is due twice, and in an hour that is skipped it is not due. Any other expression goes by the wall
// clock: a time that occurs twice is due the first time only, and a time that is skipped is due at the
// instant of the jump.
//
// An error means that the expression has to be rewritten, and says how.
func Parse(expr string, loc *time.Location) (Schedule, error) {
	if loc == nil {
		loc = time.UTC
	}
	if len(expr) > longestExpr {
		return Schedule{}, fmt.Errorf("read schedule: %d bytes are too many; it takes %s, in at most %d bytes", len(expr), fiveFields, longestExpr)
	}
	s, err := parse(expr, loc)
	if err != nil {
		return Schedule{}, fmt.Errorf("read schedule %q: %w", expr, err)
	}
	return s, nil
}

func parse(expr string, loc *time.Location) (Schedule, error) {
	for i := range len(expr) {
		if expr[i] < ' ' || expr[i] > '~' {
			return Schedule{}, fmt.Errorf("byte %d is not printable ASCII; separate the fields with spaces", i+1)
		}
	}
	fields := strings.Fields(expr)
	text := strings.Join(fields, " ")
	if err := checkForm(text); err != nil {
		return Schedule{}, err
	}
	if d, ok := strings.CutPrefix(text, "@every"); ok {
		rule, err := parseEvery(d)
		if err != nil {
			return Schedule{}, err
		}
		return Schedule{expr: text, zone: time.UTC.String(), rule: rule}, nil
	}
	if strings.HasPrefix(text, "@") {
		long, ok := descriptors[text]
		if !ok {
			return Schedule{}, errors.New("unknown descriptor; there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually and @every DURATION")
		}
		fields = strings.Fields(long)
	}
	rule, err := parseFields(fields, loc)
	if err != nil {
		return Schedule{}, err
	}
	return Schedule{expr: text, zone: loc.String(), rule: rule}, nil
}

// checkForm refuses text that is not a schedule, and schedules that this package does not accept.
func checkForm(text string) error {
	switch {
	case text == "":
		return fmt.Errorf("it is empty; write %s", fiveFields)
	case strings.EqualFold(text, "off"):
		return errors.New("\"off\" is never due, so there is nothing to schedule; leave the job out")
	case strings.HasPrefix(text, "TZ="), strings.HasPrefix(text, "CRON_TZ="):
		return errors.New("a time zone has no place here; set time_zone instead")
	case text == "@reboot":
		return errors.New("@reboot is not a time; runs missed while the host was down are made up for anyway")
	}
	return nil
}

func parseFields(fields []string, loc *time.Location) (rule, error) {
	switch len(fields) {
	case len(bounds):
	case len(bounds) + 1:
		return nil, fmt.Errorf("it has 6 fields, and seconds are not supported; write %s", fiveFields)
	default:
		return nil, fmt.Errorf("it has %d; write %s", len(fields), fiveFields)
	}
	for i, b := range bounds {
		if err := b.check(fields[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", b.name, err)
		}
	}
	spec, err := parseSpec(strings.Join(fields, " "))
	if err != nil {
		return nil, err
	}
	m := matcher{spec}
	if m.next(time.Date(2000, 1, 1, 0, 0, 0, -1, time.UTC)).IsZero() {
		return nil, fmt.Errorf("day: it is never due, for no such date exists: day %s of month %s", fields[2], fields[3])
	}
	if hour := fields[1]; hour == "*" || hour == "*/1" {
		return elapsed{m, loc}, nil
	}
	return wallClock{m, loc}, nil
}

// parseSpec hands a checked expression to the library, which is known to panic on unexpected input.
func parseSpec(text string) (spec cron.Schedule, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the cron library cannot read it: %v", v)
		}
	}()
	return cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(text)
}
