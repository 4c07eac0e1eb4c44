package schedule

import (
	"time"

	"github.com/robfig/cron/v3"
)

// A naive time is the reading of a wall clock, without its zone. It is held in
// a time.Time in UTC, where every reading exists exactly once: that keeps clock
// changes away from the library, which handles them badly.

// matcher finds the naive times that a cron expression names.
type matcher struct {
	spec cron.Schedule
}

// next returns the first matching naive time strictly after the given one;
// zero: there is none.
func (m matcher) next(naive time.Time) time.Time {
	// The library gives up after five years, but the next 29 February can be eight years away.
	for range 3 {
		if due := m.spec.Next(naive); !due.IsZero() {
			return due
		}
		naive = time.Date(naive.Year()+5, 1, 1, 0, 0, 0, -1, time.UTC)
	}
	return time.Time{}
}

// wallClock is due whenever the clock on the wall shows a matching time: once
// if it shows it twice, and at the end of the gap if it jumps over it.
type wallClock struct {
	matcher
	loc *time.Location
}

func (w wallClock) next(after time.Time) time.Time {
	naive := after.UTC().Add(spanAt(after, w.loc).offset)
	for {
		if naive = w.matcher.next(naive); naive.IsZero() {
			return time.Time{}
		}
		if due := instantOf(naive, w.loc); due.After(after) {
			return due
		}
	}
}

// elapsed is due at every instant at which the clock on the wall shows a matching
// time, so that the time between two runs stays the same over a clock change.
type elapsed struct {
	matcher
	loc *time.Location
}

func (e elapsed) next(after time.Time) time.Time {
	// No zone changes its clocks more than a few times a year, and no
	// expression rests for more than eight years.
	const spans = 400
	s := spanAt(after, e.loc)
	for range spans {
		naive := e.matcher.next(after.UTC().Add(s.offset))
		if naive.IsZero() {
			return time.Time{}
		}
		if due := naive.Add(-s.offset); s.end.IsZero() || due.Before(s.end) {
			return due
		}
		after = s.end.Add(-1) // the first instant of the next span may be due
		s = spanAt(s.end, e.loc)
	}
	return time.Time{}
}

// span is a stretch of time, [start, end), over which a location keeps one
// offset. A zero start or end: it has none.
type span struct {
	start, end time.Time
	offset     time.Duration
}

func spanAt(t time.Time, loc *time.Location) span {
	local := t.In(loc)
	start, end := local.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		// Beyond the transitions that a zone file lists, the standard library assumes that every year has 365
		// days. So on the last day of a leap year the span has already ended. Nothing changes on that day, so
		// look again after it.
		end = t.Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	_, seconds := local.Zone()
	return span{start: start.UTC(), end: end.UTC(), offset: time.Duration(seconds) * time.Second}
}

// instantOf returns the first instant at which the clocks of loc show naive, or,
// when they jump over it, the instant of the jump.
func instantOf(naive time.Time, loc *time.Location) time.Time {
	const farthest = 24 * time.Hour // more than any offset there ever was
	s := spanAt(naive.Add(-farthest), loc)
	for {
		at := naive.Add(-s.offset)
		if s.end.IsZero() || at.Before(s.end) {
			if at.Before(s.start) {
				return s.start
			}
			return at
		}
		s = spanAt(s.end, loc)
	}
}
