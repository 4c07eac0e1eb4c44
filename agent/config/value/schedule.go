package value

import (
	"errors"
	"strings"
	"time"

	"github.com/etcdward/etcdward/schedule"
)

// Off in the place of a schedule, switches the job off.
const Off = "off"

// Schedule is when a job is due, read in the configured time zone. The zero
// value is switched off: [Schedule.Next] then is the zero time, always.
type Schedule struct {
	schedule.Schedule
}

// Off says that the job never runs by itself.
func (s Schedule) Off() bool { return s.Schedule.String() == "" }

// String is the expression, its fields separated by single spaces, or "off".
func (s Schedule) String() string {
	if s.Off() {
		return Off
	}
	return s.Schedule.String()
}

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
		// The path of the key says already that it is a schedule, and where.
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		return Schedule{}, err
	}
	return Schedule{parsed}, nil
}
