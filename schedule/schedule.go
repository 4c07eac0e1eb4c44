// Package schedule decides when jobs run.
//
// It does not know what a job does: to it a job is a name, a Schedule and a
// function. It reads no configuration ("off" never gets here) and writes no
// log; whatever happens goes to the caller's Report.
//
// Its one invariant: a due instant that is recorded as settled never runs
// again, and one that is not is either run or reported.
package schedule

import "time"

// Schedule says at which instants something is due. Parse makes one; the zero
// value is never due. It is a value without state, safe for concurrent use.
type Schedule struct {
	expr string
	zone string
	rule rule
}

// rule finds due instants. next returns the first one strictly after the given
// instant, in UTC; zero: there is none.
type rule interface {
	next(after time.Time) time.Time
}

// Next returns the first due instant strictly after the given one, in UTC. The
// zero time means that there is none.
func (s Schedule) Next(after time.Time) time.Time {
	if s.rule == nil {
		return time.Time{}
	}
	// Drop the monotonic reading: it would get into the result, and from there into comparisons of the wall
	// clock.
	return s.rule.next(after.Round(0))
}

// Last returns the latest due instant in (since, notAfter]; false when there is
// none. It halves the interval instead of walking through it, so years of
// downtime cost it no more than some dozens of calls to Next.
func (s Schedule) Last(notAfter, since time.Time) (time.Time, bool) {
	last := s.Next(since)
	if last.IsZero() || last.After(notAfter) {
		return time.Time{}, false
	}
	for free := notAfter; free.Sub(last) >= time.Second; {
		middle := last.Add(free.Sub(last) / 2)
		if due := s.Next(middle); due.IsZero() || due.After(notAfter) {
			free = middle
		} else {
			last = due
		}
	}
	return last, true
}

// String returns the expression that the Schedule was parsed from, its fields
// separated by single spaces; "" for the zero value.
func (s Schedule) String() string { return s.expr }

// Zone names the time zone in which the expression is read: "UTC" for @every,
// which knows no clock changes; "" for the zero value.
func (s Schedule) Zone() string { return s.zone }
