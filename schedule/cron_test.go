package schedule

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func mustParse(t testing.TB, expr string, loc *time.Location) Schedule {
	t.Helper()
	s, err := Parse(expr, loc)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return instant.UTC()
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ expr, want string }{
		{"", `read schedule "": it is empty; write five fields: minute hour day month weekday`},
		{"   ", "it is empty"},
		{"off", `"off" is never due`},
		{"OFF", "leave the job out"},
		{"TZ=UTC 0 * * * *", "set time_zone instead"},
		{"TZ=", "set time_zone instead"},
		{"CRON_TZ=UTC", "set time_zone instead"},
		{"CRON_TZ=Europe/Berlin 0 * * * *", "set time_zone instead"},
		{"0 0 * * * *", "6 fields, and seconds are not supported; write five fields: minute hour day month weekday"},
		{"0 0 1 1 * 2026 1", "it has 7; write five fields"},
		{"0 0 * *", "it has 4; write five fields"},
		{"hourly", "it has 1; write five fields"},
		{"@reboot", "not a time"},
		{"@fortnightly", "@every DURATION"},
		{"@Daily", "unknown descriptor"},
		{"@", "unknown descriptor"},
		{"@every", "write hours and minutes"},
		{"@every 1d", "write hours and minutes, such as @every 6h"},
		{"@every 30s", "one minute or more"},
		{"@every -1h", "one minute or more"},
		{"@every 0", "one minute or more"},
		{"@every 90s", "whole minutes"},
		{"@every 1h0m0.5s", "whole minutes"},
		{"@every 8785h", "8784h (366 days) or less"},
		{"@every 99999999999h", "not a duration"},
		{"0 0 30 2 *", "day: it is never due, for no such date exists: day 30 of month 2"},
		{"0 0 31 4,6,9,11 *", "never due"},
		{"60 * * * *", "minute: 60 is not in 0 to 59; for longer steps write @every 90m"},
		{"* 24 * * *", "hour: 24 is not in 0 to 23; midnight is 0"},
		{"* * 0 * *", "day: 0 is not in 1 to 31"},
		{"* * * 13 *", "month: 13 is not in 1 to 12"},
		{"* * * * 7", "weekday: 7 is not in 0 to 6; Sunday is 0"},
		{"* * * * so", `weekday: "so" is neither a number from 0 to 6 nor one of sun mon`},
		{"* * * januar *", `month: "januar" is neither`},
		{"x * * * *", `minute: "x" is not a number from 0 to 59`},
		{"+5 * * * *", `minute: "+5" is not a number`},
		{"-5 * * * *", `minute: "" is not a number`},
		{"1.5 * * * *", `minute: "1.5" is not a number`},
		{"99999999999999999999 * * * *", "minute:"},
		{"*/0 * * * *", "minute: \"*/0\" has no whole step above 0"},
		{"*/ * * * *", "no whole step"},
		{"*/x * * * *", "no whole step"},
		{"*/5/5 * * * *", "no whole step"},
		{"*/90 * * * *", "minute: step 90 reaches beyond the field, which ends at 59; for longer steps write @every 90m"},
		{"0 */24 * * *", "hour: step 24 reaches beyond"},
		{"*/18446744073709551615 * * * *", "no whole step"},
		{"*-5 * * * *", `minute: "*" is not a number`},
		{"5-1 * * * *", `minute: "5-1" runs backwards`},
		{"0 0 * * fri-mon", `weekday: "fri-mon" runs backwards; write it as two ranges`},
		{"1-2-3 * * * *", `minute: "2-3" is not a number`},
		{", * * * *", "minute: nothing is before or after a comma"},
		{"1,,2 * * * *", "minute: nothing is before"},
		{"0 ? * * *", `hour: "?" is not a number from 0 to 23; * stands for all of them`},
		{"0 0 L * *", `day: "L" is not a number`},
		{"0 0 * * 5#2", `weekday: "5#2" is neither`},
		{"0\t* * * *", "byte 2 is not printable ASCII"},
		{"0 * * * *\n", "byte 10 is not printable ASCII"},
		{"0\u00a0* * * *", "separate the fields with spaces"},
		{"0 * * * *\x00", "printable ASCII"},
		{strings.Repeat("*", 257), "read schedule: 257 bytes are too many"},
	}
	for _, test := range tests {
		t.Run(test.expr, func(t *testing.T) {
			s, err := Parse(test.expr, time.UTC)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			if s != (Schedule{}) {
				t.Errorf("got the schedule %q beside an error", s)
			}
		})
	}
}

func TestNext(t *testing.T) {
	tests := []struct{ expr, zone, after, want string }{
		{"0 * * * *", "UTC", "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"},
		{"0 * * * *", "UTC", "2026-11-22T10:59:59.999999999Z", "2026-11-22T11:00:00Z"},
		{"@hourly", "UTC", "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"},
		{"@daily", "UTC", "2026-11-22T10:00:00Z", "2026-11-23T00:00:00Z"},
		{"@midnight", "Europe/Berlin", "2026-11-22T10:00:00Z", "2026-11-22T23:00:00Z"},
		{"@weekly", "UTC", "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"},
		{"@monthly", "UTC", "2026-11-22T00:00:00Z", "2026-12-01T00:00:00Z"},
		{"@yearly", "UTC", "2026-11-22T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"@annually", "UTC", "2026-11-22T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"30 4 * jan-MAR mon,3", "UTC", "2026-11-22T00:00:00Z", "2027-01-04T04:30:00Z"},
		{"5/20 0 1 1 *", "UTC", "2027-01-01T00:05:00Z", "2027-01-01T00:25:00Z"},
		{"0 0 29 2 *", "UTC", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},  // 2100 is no leap year
		{"0 12 13 * 5", "UTC", "2026-11-13T12:00:00Z", "2026-11-20T12:00:00Z"}, // either day is enough
		{"0 12 * * *", "Asia/Kathmandu", "2026-11-22T00:00:00Z", "2026-11-22T06:15:00Z"},
		{"0 0 1 1 *", "America/New_York", "2040-12-31T12:00:00Z", "2041-01-01T05:00:00Z"}, // beyond the zone file
		{"0 * 1 1 *", "America/New_York", "2040-12-31T12:00:00Z", "2041-01-01T05:00:00Z"},
		{"@every 6h", "America/New_York", "2026-11-22T17:59:00Z", "2026-11-22T18:00:00Z"},
		{"@every  6h", "UTC", "2026-11-22T18:00:00Z", "2026-11-23T00:00:00Z"},
		{"@every 7h", "UTC", "1970-01-01T00:00:00Z", "1970-01-01T07:00:00Z"},
		{"@every 7h", "UTC", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z"},
		{"@every 7h", "UTC", "1969-12-31T16:00:00Z", "1969-12-31T17:00:00Z"},
	}
	for _, test := range tests {
		t.Run(test.expr+" after "+test.after, func(t *testing.T) {
			s := mustParse(t, test.expr, location(t, test.zone))
			if got := s.Next(at(t, test.after)); !got.Equal(at(t, test.want)) || got.Location() != time.UTC {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestScheduleNames(t *testing.T) {
	berlin := location(t, "Europe/Berlin")
	for _, test := range []struct {
		expr       string
		loc        *time.Location
		text, zone string
	}{
		{" 0  3 * * 0 ", berlin, "0 3 * * 0", "Europe/Berlin"},
		{"@daily", nil, "@daily", "UTC"},
		{"@every 6h", berlin, "@every 6h", "UTC"},
	} {
		s := mustParse(t, test.expr, test.loc)
		if s.String() != test.text || s.Zone() != test.zone {
			t.Errorf("%q: got %q in %q, want %q in %q", test.expr, s.String(), s.Zone(), test.text, test.zone)
		}
	}
	var zero Schedule
	if _, ok := zero.Last(time.Now(), time.Time{}); ok || !zero.Next(time.Now()).IsZero() || zero.String() != "" {
		t.Error("the zero value is due")
	}
}

func TestNextHasNoMonotonicReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(59 * time.Second) // the library drops it where it has to round
		for _, expr := range []string{"* * * * *", "* 0 * * *", "@every 1m"} {
			if next := mustParse(t, expr, nil).Next(time.Now()); next != next.Round(0) {
				t.Errorf("%s: got %s", expr, next)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, expr := range []string{"0 * * * *", "*/15 1-3 * * mon-fri", "@every 90m", "@daily", "0 0 29 2 *", "TZ=", "CRON_TZ=UTC", "0 0 30 2 *", "1,5/9 */1 31 * 0"} {
		f.Add(expr, int64(1790000000), uint8(0))
		f.Add(expr, int64(1793512800), uint8(1))
	}
	zones := []*time.Location{time.UTC, location(f, "America/New_York"), location(f, "Australia/Lord_Howe"), location(f, "Africa/Cairo"), location(f, "Pacific/Apia")}
	f.Fuzz(func(t *testing.T, expr string, seconds int64, zone uint8) {
		s, err := Parse(expr, zones[int(zone)%len(zones)])
		if err != nil {
			return
		}
		if again, err := Parse(s.String(), zones[int(zone)%len(zones)]); err != nil || again.String() != s.String() {
			t.Fatalf("%q reads back as %q: %v", s, again, err)
		}
		const farthest = 1 << 36 // about the year 4100
		start := time.Unix(seconds%farthest, 0).UTC()
		instant := start
		for range 50 {
			next := s.Next(instant)
			if !next.After(instant) {
				t.Fatalf("%q: after %s comes %s", s, instant, next)
			}
			if last, ok := s.Last(next.Add(30*time.Second), start); !ok || !last.Equal(next) {
				t.Fatalf("%q: the last one by %s is %s", s, next, last)
			}
			instant = next
		}
	})
}
