package schedule

import "time"

// Every returns a Schedule that is due at each multiple of d, in whole seconds, since the Unix epoch. It may be due more often
// than Parse allows, so that a demonstration does not take long. A d below one second counts as one second.
func Every(d time.Duration) Schedule {
	seconds := max(1, int64(d/time.Second))
	return Schedule{expr: "@every " + (time.Duration(seconds) * time.Second).String(), zone: "UTC", rule: every{seconds: seconds}}
}
