package schedule

import "time"

// Every is a Schedule that is due at each multiple of d, in whole seconds, since the Unix epoch. It may be due more often than
// Parse allows, for a demonstration that nobody wants to wait for; d below a second counts as one.
func Every(d time.Duration) Schedule {
	seconds := max(1, int64(d/time.Second))
	return Schedule{expr: "@every " + (time.Duration(seconds) * time.Second).String(), zone: "UTC", rule: every{seconds: seconds}}
}
