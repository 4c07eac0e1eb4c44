package schedule

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// The instants in (from, to] at which an expression is due, around the clock
// changes of its zone.
func TestClockChanges(t *testing.T) {
	tests := []struct {
		name, zone, expr, from, to string
		want                       []string
	}{
		{"spring, wall clock: a time in the gap runs where it ends", "America/New_York", "30 2 * * *",
			"2026-03-07T12:00:00Z", "2026-03-10T00:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}},
		{"spring, wall clock: two times in the gap, and one at its end, run once", "America/New_York", "0,20,40 2,3 * * *",
			"2026-03-08T06:00:00Z", "2026-03-08T08:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-08T07:20:00Z", "2026-03-08T07:40:00Z"}},
		{"spring, elapsed: a time in the gap does not run", "America/New_York", "30 * * * *",
			"2026-03-08T05:00:00Z", "2026-03-08T09:00:00Z",
			[]string{"2026-03-08T05:30:00Z", "2026-03-08T06:30:00Z", "2026-03-08T07:30:00Z", "2026-03-08T08:30:00Z"}},
		{"autumn, wall clock: a time that occurs twice runs once, the first time", "America/New_York", "30 1 * * *",
			"2026-10-31T12:00:00Z", "2026-11-03T00:00:00Z",
			[]string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		{"autumn, wall clock: asked between the two", "America/New_York", "30 1 * * *",
			"2026-11-01T06:15:00Z", "2026-11-03T00:00:00Z",
			[]string{"2026-11-02T06:30:00Z"}},
		{"autumn, elapsed: an hour that occurs twice runs twice", "America/New_York", "@hourly",
			"2026-11-01T04:00:00Z", "2026-11-01T07:00:00Z",
			[]string{"2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"}},
		{"autumn, elapsed: */1 is *", "America/New_York", "30 */1 * * *",
			"2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z",
			[]string{"2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"}},
		{"autumn, wall clock: 0-23 is not *", "America/New_York", "30 0-23 * * *",
			"2026-11-01T05:00:00Z", "2026-11-01T08:00:00Z",
			[]string{"2026-11-01T05:30:00Z", "2026-11-01T07:30:00Z"}},
		{"half an hour, spring: 02:00 becomes 02:30", "Australia/Lord_Howe", "15 2 * * *",
			"2026-10-02T00:00:00Z", "2026-10-04T20:00:00Z",
			[]string{"2026-10-02T15:45:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
		{"half an hour, spring, elapsed", "Australia/Lord_Howe", "*/15 * * * *",
			"2026-10-03T15:00:00Z", "2026-10-03T16:00:00Z",
			[]string{"2026-10-03T15:15:00Z", "2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z", "2026-10-03T16:00:00Z"}},
		{"half an hour, autumn: 02:00 becomes 01:30", "Australia/Lord_Howe", "45 1 * * *",
			"2026-04-04T00:00:00Z", "2026-04-06T00:00:00Z",
			[]string{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
		{"half an hour, autumn, elapsed", "Australia/Lord_Howe", "45 * * * *",
			"2026-04-04T14:00:00Z", "2026-04-04T16:30:00Z",
			[]string{"2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-04T16:15:00Z"}},
		{"the gap swallows midnight", "America/Sao_Paulo", "@daily",
			"2018-11-03T12:00:00Z", "2018-11-05T12:00:00Z",
			[]string{"2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}},
		{"the gap swallows midnight, elapsed", "America/Sao_Paulo", "@hourly",
			"2018-11-04T01:00:00Z", "2018-11-04T04:00:00Z",
			[]string{"2018-11-04T02:00:00Z", "2018-11-04T03:00:00Z", "2018-11-04T04:00:00Z"}},
		{"the last hour of the day occurs twice", "America/Sao_Paulo", "30 23 * * *",
			"2018-02-17T12:00:00Z", "2018-02-19T12:00:00Z",
			[]string{"2018-02-18T01:30:00Z", "2018-02-19T02:30:00Z"}},
		{"Cairo's midnight", "Africa/Cairo", "0 0 * * 5",
			"2026-04-20T00:00:00Z", "2026-05-02T00:00:00Z",
			[]string{"2026-04-23T22:00:00Z", "2026-04-30T21:00:00Z"}},
		{"a day that never was: its run comes with the next day's", "Pacific/Apia", "@daily",
			"2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z",
			[]string{"2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"}},
		{"a day that never was: noon", "Pacific/Apia", "0 12 30 12 *",
			"2011-01-01T00:00:00Z", "2013-01-01T00:00:00Z",
			[]string{"2011-12-30T10:00:00Z", "2012-12-29T22:00:00Z"}},
		{"a day that never was, elapsed", "Pacific/Apia", "0 * 30 12 *",
			"2011-12-29T00:00:00Z", "2012-12-29T11:00:00Z",
			[]string{"2012-12-29T10:00:00Z", "2012-12-29T11:00:00Z"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := mustParse(t, test.expr, location(t, test.zone))
			from, to := at(t, test.from), at(t, test.to)
			got := walk(s, from, to)
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			last, ok := s.Last(to, from)
			if want := test.want[len(test.want)-1]; !ok || last.Format(time.RFC3339) != want {
				t.Errorf("last: got %s, want %s", last, want)
			}
		})
	}
}

func walk(s Schedule, from, to time.Time) (due []string) {
	for next := s.Next(from); !next.After(to); next = s.Next(next) {
		due = append(due, next.Format(time.RFC3339))
	}
	return due
}

// TestEveryMinute asks about every minute of years with unusual clock changes,
// and compares with what the clock on the wall showed.
func TestEveryMinute(t *testing.T) {
	zones := []struct {
		name string
		year int
	}{
		{"America/New_York", 2026}, {"Australia/Lord_Howe", 2026}, {"America/Sao_Paulo", 2018},
		{"Africa/Cairo", 2026}, {"Pacific/Apia", 2011}, {"Africa/Casablanca", 2026}, {"Antarctica/Troll", 2026},
	}
	daily := []struct{ hour, minute int }{{0, 0}, {0, 30}, {1, 30}, {2, 15}, {2, 30}, {23, 45}}
	for _, zone := range zones {
		t.Run(zone.name, func(t *testing.T) {
			t.Parallel()
			loc := location(t, zone.name)
			from := time.Date(zone.year-1, 12, 31, 12, 0, 0, 0, time.UTC)
			minutes := readings(loc, from, from.AddDate(1, 0, 7))
			compare(t, mustParse(t, "*/20 * * * *", loc), minutes, showing(minutes, 20))
			for _, d := range daily {
				expr := fmt.Sprintf("%d %d * * *", d.minute, d.hour)
				compare(t, mustParse(t, expr, loc), minutes, reaching(minutes, d.hour, d.minute))
			}
		})
	}
}

func compare(t *testing.T, s Schedule, minutes []reading, want []time.Time) {
	t.Helper()
	after := minutes[0].at
	for i, due := range want {
		got := s.Next(after)
		if !got.Equal(due) {
			t.Fatalf("%s: after %s got %s, want %s (run %d)", s, after, got, due, i)
		}
		after = got
	}
	if next := s.Next(after); !next.After(minutes[len(minutes)-1].at) {
		t.Fatalf("%s: also due at %s", s, next)
	}
}

// reading is what the clock on the wall showed at an instant.
type reading struct {
	at, wall time.Time
}

// readings lists every minute from from to to.
func readings(loc *time.Location, from, to time.Time) (minutes []reading) {
	for m := from; !m.After(to); m = m.Add(time.Minute) {
		l := m.In(loc)
		minutes = append(minutes, reading{m, time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)})
	}
	return minutes
}

// showing lists the minutes after the first whose reading is a multiple of step.
func showing(minutes []reading, step int) (due []time.Time) {
	for _, m := range minutes[1:] {
		if m.wall.Minute()%step == 0 {
			due = append(due, m.at)
		}
	}
	return due
}

// reaching lists the first minute after the first, for each date, at which the
// wall clock has reached hour:minute of it; dates that share one count once.
func reaching(minutes []reading, hour, minute int) (due []time.Time) {
	first := minutes[0].wall
	target := time.Date(first.Year(), first.Month(), first.Day(), hour, minute, 0, 0, time.UTC)
	for ; !target.After(first); target = target.AddDate(0, 0, 1) {
	}
	for _, m := range minutes[1:] {
		if m.wall.Before(target) {
			continue
		}
		due = append(due, m.at)
		for ; !target.After(m.wall); target = target.AddDate(0, 0, 1) {
		}
	}
	return due
}

func TestLast(t *testing.T) {
	newYork := location(t, "America/New_York")
	end := at(t, "2026-11-22T10:00:30Z")
	for _, expr := range []string{"* * * * *", "* 3 * * *", "*/7 * * * *", "0 * 1 * *", "@daily", "@yearly", "@every 7m"} {
		s := mustParse(t, expr, newYork)
		for _, since := range []time.Duration{time.Second, time.Minute, 5 * time.Hour, 8 * 24 * time.Hour, 40 * 24 * time.Hour} {
			for notAfter := end; notAfter.After(end.Add(-30 * time.Hour)); notAfter = notAfter.Add(-437 * time.Minute) {
				var want time.Time
				for due := s.Next(notAfter.Add(-since)); !due.After(notAfter); due = s.Next(due) {
					want = due
				}
				got, ok := s.Last(notAfter, notAfter.Add(-since))
				if ok == want.IsZero() || !got.Equal(want) {
					t.Fatalf("%s in the %s up to %s: got %s, %t, want %s", s, since, notAfter, got, ok, want)
				}
			}
		}
	}
	s := mustParse(t, "0 * * * *", nil)
	if got, ok := s.Last(at(t, "2026-11-22T10:00:00Z"), at(t, "2026-11-22T10:00:00Z")); ok {
		t.Errorf("since is not part of the interval: got %s", got)
	}
	if got, ok := s.Last(at(t, "2026-11-22T10:00:00Z"), at(t, "2026-11-22T09:59:59Z")); !ok || !got.Equal(at(t, "2026-11-22T10:00:00Z")) {
		t.Errorf("notAfter is part of the interval: got %s, %t", got, ok)
	}
}

func BenchmarkLastOfAWeekOfMinutes(b *testing.B) {
	s := mustParse(b, "* * * * *", location(b, "America/New_York"))
	end := at(b, "2026-11-22T10:00:30Z")
	for b.Loop() {
		s.Last(end, end.AddDate(0, 0, -7))
	}
}
