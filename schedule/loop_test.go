package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// memory is a State that a test can look into and break.
type memory struct {
	records map[string]Record
	loadErr error
	saveErr error
}

func (m *memory) Load() (map[string]Record, error) { return m.records, m.loadErr }

func (m *memory) Save(records map[string]Record) error {
	if m.saveErr != nil {
		return m.saveErr
	}
	m.records = records
	return nil
}

// bench is a loop in a bubble, with a wall clock that can be set.
type bench struct {
	state    *memory
	jobs     []Job
	jumps    []jump // of the wall clock, in order
	outcomes []Outcome
}

func (b *bench) report(o Outcome) { b.outcomes = append(b.outcomes, o) }

// jump sets the wall clock off by so much once the bubble's shows at.
type jump struct {
	at  time.Time
	off time.Duration
}

func (b *bench) clock() time.Time {
	now, off := time.Now(), time.Duration(0)
	for _, j := range b.jumps {
		if !now.Before(j.at) {
			off = j.off
		}
	}
	return now.Add(off)
}

// run lets the loop run for a while.
func (b *bench) run(t *testing.T, length time.Duration) {
	t.Helper()
	if b.state == nil {
		b.state = &memory{}
	}
	loop, err := NewLoop(Parts{Jobs: b.jobs, State: b.state, Report: b.report})
	if err != nil {
		t.Fatal(err)
	}
	loop.now = b.clock
	ctx, cancel := context.WithTimeoutCause(t.Context(), length, errors.New("enough"))
	defer cancel()
	if err := loop.Run(ctx); err == nil || err.Error() != "enough" {
		t.Errorf("loop ended with %v", err)
	}
}

// log writes the outcomes since the last call, one per line, and forgets them.
func (b *bench) log() (lines []string) {
	for _, o := range b.outcomes {
		line := fmt.Sprintf("%s %s +%s", o.Job, o.Due.Format("02T15:04"), o.Started.Sub(o.Due))
		if o.Job == "" {
			line = "finding"
		}
		if o.Missed {
			line += " missed"
		}
		if o.Skipped > 0 {
			line += fmt.Sprintf(" skipped %d", o.Skipped)
		}
		if o.Err != nil {
			line += ": " + o.Err.Error()
		}
		lines = append(lines, line)
	}
	b.outcomes = nil
	return lines
}

func (b *bench) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := b.log(); !slices.Equal(got, want) {
		t.Errorf("got:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func lasting(d time.Duration) func(context.Context, Run) error {
	return func(ctx context.Context, _ Run) error {
		sleep(ctx, nil, d)
		return ctx.Err()
	}
}

// A bubble begins on 2000-01-01T00:00:00Z.

func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{jobs: []Job{
			{Name: "b", Schedule: mustParse(t, "0 * * * *", nil), Run: lasting(time.Minute)},
			{Name: "a", Schedule: mustParse(t, "0 * * * *", nil), Run: lasting(time.Minute)},
			{Name: "c", Schedule: mustParse(t, "*/20 * * * *", nil), Run: lasting(45 * time.Minute)},
		}}
		b.run(t, 2*time.Hour+37*time.Minute+30*time.Second)
		b.expect(t,
			"c 01T00:20 +0s",
			"b 01T01:00 +5m0s", // c at 01:00 waits for those given before it
			"a 01T01:00 +6m0s",
			"c 01T01:00 +7m0s skipped 1",
			"c 01T01:40 +12m0s skipped 1",
			"b 01T02:00 +37m0s: interrupted: context deadline exceeded",
		)
	})
}

func TestCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Run
		note := func(_ context.Context, run Run) error {
			told = append(told, run)
			return nil
		}
		b := &bench{jobs: []Job{
			{Name: "hourly", Schedule: mustParse(t, "0 * * * *", nil), Run: note},
			{Name: "daily", Schedule: mustParse(t, "30 1 * * *", nil), Run: note},
			{Name: "defrag", Schedule: mustParse(t, "0 3 * * *", nil), Window: 2 * time.Hour, Run: note},
		}}
		b.run(t, 90*time.Second)
		b.expect(t) // a first start makes nothing up
		time.Sleep(time.Until(at(t, "2000-01-04T05:30:00Z")))
		told = nil
		b.run(t, time.Minute)
		b.expect(t,
			"daily 04T01:30 +4h0m0s missed skipped 3",
			"defrag 04T03:00 +2h30m0s missed skipped 3: begin run due 2000-01-04T03:00:00Z: window missed: it closed at 2000-01-04T05:00:00Z",
			"hourly 04T05:00 +30m0s missed skipped 76",
		)
		if len(told) != 2 || !told[0].Missed || !told[0].Closes.IsZero() {
			t.Errorf("the jobs were told %+v", told)
		}
		b.run(t, time.Minute)
		b.expect(t) // and only once

		time.Sleep(time.Until(at(t, "2000-01-05T04:59:59Z")))
		told = nil
		b.run(t, 30*time.Second)
		if i := slices.IndexFunc(told, func(r Run) bool { return !r.Closes.IsZero() }); i < 0 || !told[i].Closes.Equal(at(t, "2000-01-05T05:00:00Z")) || !told[i].Missed {
			t.Errorf("a window that is still open: the jobs were told %+v", told)
		}

		time.Sleep(time.Until(at(t, "2000-01-06T05:00:00Z")))
		told = nil
		b.run(t, 30*time.Second)
		if slices.ContainsFunc(told, func(r Run) bool { return !r.Closes.IsZero() }) {
			t.Errorf("a window that closes at this instant: the jobs were told %+v", told)
		}
	})
}

func TestWindowEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 2000-04-02 in New York: 02:00 becomes 03:00, inside the window.
		b := &bench{jobs: []Job{{Name: "defrag", Schedule: mustParse(t, "30 1 2 4 *", location(t, "America/New_York")),
			Window: 2 * time.Hour, Limit: 10 * time.Hour, Run: lasting(5 * time.Hour)}}}
		b.run(t, 120*24*time.Hour)
		if len(b.outcomes) != 1 || !b.outcomes[0].Started.Equal(at(t, "2000-04-02T06:30:00Z")) || !b.outcomes[0].Ended.Equal(at(t, "2000-04-02T08:30:00Z")) {
			t.Fatalf("got %+v", b.outcomes)
		}
		b.expect(t, "defrag 02T06:30 +0s: stopped at the end of its window, 2000-04-02T08:30:00Z: context deadline exceeded")
		if b.state.records["defrag"].OK {
			t.Error("recorded as done")
		}
	})
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{jobs: []Job{
			{Name: "slow", Schedule: mustParse(t, "0 1 * * *", nil), Limit: 5 * time.Minute, Run: lasting(time.Hour)},
			{Name: "stubborn", Schedule: mustParse(t, "0 2 * * *", nil), Limit: time.Minute, Run: func(context.Context, Run) error {
				time.Sleep(time.Hour)
				return nil
			}},
			{Name: "broken", Schedule: mustParse(t, "0 4 * * *", nil), Limit: time.Minute, Run: func(context.Context, Run) error {
				return errors.New("no route to host")
			}},
		}}
		b.run(t, 5*time.Hour)
		b.expect(t,
			"slow 01T01:00 +0s: stopped at its limit of 5m0s: context deadline exceeded",
			"stubborn 01T02:00 +0s",
			"broken 01T04:00 +0s: no route to host",
		)
		if r := b.state.records["broken"]; r.OK || r.Error != "no route to host" || !r.Due.Equal(at(t, "2000-01-01T04:00:00Z")) || !r.Next.Equal(at(t, "2000-01-02T04:00:00Z")) {
			t.Errorf("record: %+v", r)
		}
		if r := b.state.records["stubborn"]; !r.OK || r.Error != "" || !r.Ended.Equal(at(t, "2000-01-01T03:00:00Z")) {
			t.Errorf("record: %+v", r)
		}
	})
}

func explode() {
	var records map[string]int
	records["boom"]++
}

func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{jobs: []Job{{Name: "a", Schedule: mustParse(t, "0 * * * *", nil), Run: func(_ context.Context, run Run) error {
			if run.Due.Hour() == 1 {
				panic("two\nlines")
			}
			explode()
			return nil
		}}}}
		b.run(t, 150*time.Minute)
		if len(b.outcomes) != 2 {
			t.Fatalf("got %+v", b.outcomes)
		}
		for i, want := range []string{"panic: two lines [github.com/etcdward/etcdward/schedule.TestPanic", "panic: assignment to entry in nil map [github.com/etcdward/etcdward/schedule.explode loop_test.go:"} {
			got := b.outcomes[i].Err.Error()
			if !strings.HasPrefix(got, want) || strings.Contains(got, "\n") || strings.Contains(got, "begin") {
				t.Errorf("got %q, want %q and the calls down to the job", got, want)
			}
		}
		if !strings.Contains(b.outcomes[1].Err.Error(), " < github.com/etcdward/etcdward/schedule.TestPanic") {
			t.Errorf("no caller in %q", b.outcomes[1].Err)
		}
	})
}

func TestInterruptedIsDueAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{jobs: []Job{{Name: "a", Schedule: mustParse(t, "0 * * * *", nil), Run: func(ctx context.Context, _ Run) error {
			sleep(ctx, nil, 10*time.Minute)
			return nil // it may have been cut short all the same
		}}}}
		b.run(t, 65*time.Minute)
		if len(b.outcomes) != 1 || !errors.Is(b.outcomes[0].Err, ErrInterrupted) {
			t.Errorf("got %+v", b.outcomes)
		}
		b.expect(t, "a 01T01:00 +0s: interrupted")
		if r := b.state.records["a"]; !r.Due.IsZero() || !r.Next.Equal(at(t, "2000-01-01T01:00:00Z")) {
			t.Errorf("recorded: %+v", r)
		}
		b.run(t, 20*time.Minute)
		b.expect(t, "a 01T01:00 +5m0s missed")
	})
}

// A job that hands on another loop's interruption has failed; taking it for our own
// would run it again and again.
func TestForeignInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{jobs: []Job{{Name: "a", Schedule: mustParse(t, "0 * * * *", nil), Run: func(context.Context, Run) error { return ErrInterrupted }}}}
		b.run(t, 90*time.Minute)
		b.expect(t, "a 01T01:00 +0s: interrupted")
		if b.state.records["a"].Due.IsZero() {
			t.Error("not recorded")
		}
	})
}

func TestClockForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		b.jobs = []Job{
			{Name: "hourly", Schedule: mustParse(t, "0 * * * *", nil), Run: lasting(0)},
			{Name: "defrag", Schedule: mustParse(t, "0 3 * * *", nil), Window: time.Hour, Run: lasting(0)},
		}
		b.jumps = []jump{{at(t, "2000-01-01T01:30:01Z"), 5 * time.Hour}} // asleep until 06:30:01
		b.run(t, 2*time.Hour+time.Minute)
		b.expect(t,
			"hourly 01T01:00 +0s",
			"defrag 01T03:00 +3h31m0s missed: begin run due 2000-01-01T03:00:00Z: window missed: it closed at 2000-01-01T04:00:00Z",
			"hourly 01T06:00 +31m0s missed skipped 4",
			"hourly 01T07:00 +0s",
		)
	})
}

func TestClockBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		b.jobs = []Job{
			{Name: "hourly", Schedule: mustParse(t, "0 * * * *", nil), Run: lasting(0)},
			{Name: "daily", Schedule: mustParse(t, "0 1 * * *", nil), Run: lasting(0)},
		}
		b.jumps = []jump{
			{at(t, "2000-01-01T03:30:01Z"), -40 * time.Minute},             // 02:50: less than an interval
			{at(t, "2000-01-01T05:30:01Z"), -40*time.Minute - 3*time.Hour}, // from 04:50 to 01:50
		}
		b.run(t, 6*time.Hour+time.Minute) // until 02:21
		findings := slices.DeleteFunc(slices.Clone(b.outcomes), func(o Outcome) bool { return o.Job != "" })
		if len(findings) != 1 || !errors.Is(findings[0].Err, ErrClockBack) {
			t.Errorf("findings: %+v", findings)
		}
		b.expect(t,
			"hourly 01T01:00 +0s",
			"daily 01T01:00 +0s",
			"hourly 01T02:00 +0s",
			"hourly 01T03:00 +0s", // and not again 10 minutes later
			"hourly 01T04:00 +0s",
			"finding: read clock: clock went back: it is 2000-01-01T01:51:00Z now, and later runs are recorded; jobs that go on from now: hourly",
			"hourly 01T02:00 +0s",
		)
	})
}

func TestClockBackWhileDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{jumps: []jump{{time.Time{}, 26 * 365 * 24 * time.Hour}}}
		b.jobs = []Job{{Name: "daily", Schedule: mustParse(t, "0 1 * * *", nil), Run: lasting(0)}}
		b.run(t, 90*time.Minute)
		if len(b.log()) != 1 {
			t.Error("the run in the future is missing")
		}
		b.jumps = nil // the first start was under a wrong clock
		b.run(t, 24*time.Hour)
		b.expect(t,
			"finding: read clock: clock went back: it is 2000-01-01T01:30:00Z now, and later runs are recorded; jobs that go on from now: daily",
			"daily 02T01:00 +0s",
		)
	})
}

// What is due after the clock went back behind the start of the loop is not missed.
func TestClockBackBehindTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{jumps: []jump{{at(t, "2000-01-01T00:00:00Z"), 12 * time.Hour}, {at(t, "2000-01-01T00:30:01Z"), 0}}}
		b.jobs = []Job{{Name: "hourly", Schedule: mustParse(t, "0 * * * *", nil), Run: lasting(0)}}
		b.run(t, 90*time.Minute)
		b.expect(t,
			"finding: read clock: clock went back: it is 2000-01-01T00:31:00Z now, and later runs are recorded; jobs that go on from now: hourly",
			"hourly 01T01:00 +0s",
		)
	})
}

func TestStateTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{state: &memory{loadErr: fmt.Errorf("decode: %w", ErrStateDamaged)}}
		b.jobs = []Job{{Name: "hourly", Schedule: mustParse(t, "0 * * * *", nil), Run: func(_ context.Context, run Run) error {
			b.state.saveErr = nil
			if run.Due.Hour() < 3 {
				b.state.saveErr = errors.New("no space left on device")
			}
			return nil
		}}}
		b.run(t, 3*time.Hour+time.Minute)
		if !errors.Is(b.outcomes[0].Err, ErrStateDamaged) {
			t.Errorf("got %+v", b.outcomes[0])
		}
		b.expect(t,
			"finding: load schedule state: decode: schedule state damaged",
			"hourly 01T01:00 +0s",
			"finding: save schedule state: no space left on device",
			"hourly 01T02:00 +0s",
			"finding: save schedule state: no space left on device",
			"hourly 01T03:00 +0s",
		)
		if r := b.state.records["hourly"]; !r.Settled.Equal(at(t, "2000-01-01T03:00:00Z")) {
			t.Errorf("once there is space again it is not saved: %+v", r)
		}
	})
}

func TestChangedSchedule(t *testing.T) {
	done := at(t, "1999-12-31T12:00:00Z")
	newYork := location(t, "America/New_York")
	tests := []struct {
		name string
		next Schedule
		want []string
	}{
		{"the same: a missed run is made up", mustParse(t, "0 18 * * *", nil), []string{"a 31T18:00 +6h0m0s missed"}},
		{"another expression: what only it names is not", mustParse(t, "0 19 * * *", nil), nil},
		{"another time zone: nor that", mustParse(t, "0 18 * * *", newYork), nil},
		{"another expression: it runs from now on", mustParse(t, "30 * * * *", nil), []string{"a 01T00:30 +0s"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bench{state: &memory{records: map[string]Record{
					"a":    {Schedule: "0 18 * * *", Zone: "UTC", Settled: done, Due: done, OK: true},
					"gone": {Schedule: "0 18 * * *", Zone: "UTC", Settled: done},
				}}}
				b.jobs = []Job{{Name: "a", Schedule: test.next, Run: lasting(0)}}
				b.run(t, time.Hour)
				b.expect(t, test.want...)
				if r := b.state.records["a"]; len(b.state.records) != 1 || r.Schedule != test.next.String() || r.Zone != test.next.Zone() {
					t.Errorf("saved: %+v", b.state.records)
				}
			})
		})
	}
}

// A host without a battery clock wakes up long ago: that must not cost it minutes.
func TestSkippedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{state: &memory{records: map[string]Record{"a": {Schedule: "* * * * *", Zone: "UTC", Settled: at(t, "1970-01-01T00:00:00Z")}}}}
		b.jobs = []Job{{Name: "a", Schedule: mustParse(t, "* * * * *", nil), Run: lasting(0)}}
		b.run(t, time.Second)
		b.expect(t, "a 01T00:00 +0s skipped 10000")
	})
}

// The first start is remembered: what is due soon after it is made up even when
// the host is down by then.
func TestFirstStartIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{jobs: []Job{{Name: "a", Schedule: mustParse(t, "30 0 * * *", nil), Run: lasting(0)}}}
		b.run(t, time.Minute)
		time.Sleep(time.Hour)
		b.run(t, time.Minute)
		b.expect(t, "a 01T00:30 +31m0s missed")
	})
}

func TestNewLoopErrors(t *testing.T) {
	good := Job{Name: "a", Schedule: mustParse(t, "0 * * * *", nil), Run: lasting(0)}
	with := func(change func(*Job)) []Job {
		job := good
		change(&job)
		return []Job{job}
	}
	report := func(Outcome) {}
	for want, parts := range map[string]Parts{
		"a state and a report":    {Jobs: []Job{good}, Report: report},
		"a report are needed":     {Jobs: []Job{good}, State: &memory{}},
		`job "": a name`:          {Jobs: with(func(j *Job) { j.Name = "" }), State: &memory{}, Report: report},
		"a function are needed":   {Jobs: with(func(j *Job) { j.Run = nil }), State: &memory{}, Report: report},
		`job "a": there are two`:  {Jobs: []Job{good, good}, State: &memory{}, Report: report},
		"it has no schedule":      {Jobs: with(func(j *Job) { j.Schedule = Schedule{} }), State: &memory{}, Report: report},
		"a limit or window below": {Jobs: with(func(j *Job) { j.Limit = -1 }), State: &memory{}, Report: report},
		"or window below 0":       {Jobs: with(func(j *Job) { j.Window = -1 }), State: &memory{}, Report: report},
	} {
		if _, err := NewLoop(parts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestNothingToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		b.run(t, 48*time.Hour)
		b.expect(t)
	})
}
