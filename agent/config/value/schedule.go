package value

import (
	"errors"
	"strings"
	"time"

	"github.com/etcdward/etcdward/schedule"
)

// Off switches a job off when it is given in place of a schedule.
const Off = "off"

// Schedule is when a job is due, read in the configured time zone. The zero value is switched off: its
// [Schedule.Next] is always the zero time.
type Schedule struct {
	schedule.Schedule
}

// Off reports whether the job never runs by itself.
func (s Schedule) Off() bool { return s.Schedule.String() == "" }

// String is the expression, its fields separated by single spaces, or "off".
func (s Schedule) String() string {
	if s.Off() {
		return Off
	}
	return s.Schedule.String()
}

// ParseSchedule reads a cron expression, a descriptor such as @daily, "@every D", or "off".
func ParseSchedule(expr string, loc *time.Location) (Schedule, error) {
	if expr == Off {
		return Schedule{}, nil
	}
	switch strings.ToLower(strings.TrimSpace(expr)) {
	case "", Off, "never", "none", "false", "no", "disabled":
		return Schedule{}, errors.New("write off to switch the job off")
	}
	parsed, err := schedule.Parse(expr, loc)
	if err != nil {
		// The path of the key already says that it is a schedule and where it stands.
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		return Schedule{}, err
	}
	return Schedule{parsed}, nil
}
