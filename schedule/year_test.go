package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// simulated is one job of the year. due is worked out minute by minute from the
// clock on the wall, without the package under test.
type simulated struct {
	name, expr string
	window     time.Duration
	longest    time.Duration // of a run
	due        func(minutes []reading, loc *time.Location) []time.Time
}

var simulatedJobs = []simulated{
	{name: "hourly", expr: "0 * * * *", longest: 10 * time.Minute,
		due: func(minutes []reading, loc *time.Location) []time.Time { return showing(minutes, 60) }},
	{name: "quarter", expr: "*/15 * * * *", longest: 20 * time.Minute,
		due: func(minutes []reading, loc *time.Location) []time.Time { return showing(minutes, 15) }},
	{name: "early", expr: "30 1 * * *", longest: time.Hour,
		due: func(minutes []reading, loc *time.Location) []time.Time { return reaching(minutes, 1, 30) }},
	{name: "late", expr: "30 2 * * *", longest: time.Hour,
		due: func(minutes []reading, loc *time.Location) []time.Time { return reaching(minutes, 2, 30) }},
	{name: "weekly", expr: "0 3 * * 0", window: 2 * time.Hour, longest: 4 * time.Hour,
		due: func(minutes []reading, loc *time.Location) []time.Time {
			return slices.DeleteFunc(reaching(minutes, 3, 0), func(d time.Time) bool { return d.In(loc).Weekday() != time.Sunday })
		}},
	{name: "monthly", expr: "@monthly", longest: time.Hour,
		due: func(minutes []reading, loc *time.Location) []time.Time {
			return slices.DeleteFunc(reaching(minutes, 0, 0), func(d time.Time) bool { return d.In(loc).Day() != 1 })
		}},
}

// year is the log of a simulated year.
type year struct {
	random   *rand.Rand
	running  atomic.Int32
	outcomes []Outcome
	runs     []Run // of the outcome at the same index; zero if it was no run
	last     Run
	starts   []time.Time // of the loop
}

// lateState writes its file once, at the end of a session: forty thousand fsyncs
// would be all that this test measures.
type lateState struct {
	path  string
	saved map[string]Record
}

func (s *lateState) Load() (records map[string]Record, err error) {
	text, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &records)
	}
	return records, err
}

// keep writes what was saved last.
func (s *lateState) keep() error {
	text, err := json.Marshal(s.saved)
	if err != nil {
		return err
	}
	return os.WriteFile(s.path, text, 0o600)
}

func (s *lateState) Save(records map[string]Record) error {
	s.saved = records
	return nil
}

func TestYear(t *testing.T) {
	for _, zone := range []string{"America/New_York", "America/New_York", "UTC"} {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("%s seed %d", zone, seed), func(t *testing.T) {
			t.Parallel()
			simulateYear(t, location(t, zone), seed)
		})
	}
}

func simulateYear(t *testing.T, loc *time.Location, seed uint64) {
	y := &year{random: rand.New(rand.NewPCG(seed, 0))}
	var from, to time.Time
	path := filepath.Join(t.TempDir(), "state.json")
	synctest.Test(t, func(t *testing.T) {
		// A bubble begins in the year 2000. What follows is a year with the clock
		// changes of 2026.
		time.Sleep(time.Until(time.Date(2026, 1, 1, 0, 0, 17, 0, time.UTC)))
		from = time.Now().UTC().Truncate(time.Minute) // the oracle counts in minutes
		to = from.AddDate(1, 0, 0)
		week := from.AddDate(0, 0, 30+y.random.IntN(300))
		for time.Now().Before(to) {
			y.session(t, loc, path, y.uptime())
			down := time.Duration(y.random.Int64N(int64(3 * time.Hour)))
			if y.random.IntN(4) == 0 {
				down = 0 // a restart
			}
			if !week.IsZero() && time.Now().After(week) {
				down, week = 7*24*time.Hour, time.Time{}
			}
			time.Sleep(down)
		}
		// Left alone for long enough, nothing remains to be done.
		y.session(t, loc, path, 24*time.Hour)
		to = time.Now().UTC()
	})
	minutes := readings(loc, from, to)
	for _, job := range simulatedJobs {
		y.judge(t, job, job.due(minutes, loc))
	}
	y.judgeOrder(t)
	t.Logf("%d runs, %d starts of the loop", len(y.outcomes), len(y.starts))
}

func (y *year) uptime() time.Duration {
	longest := []time.Duration{10 * time.Minute, 5 * time.Hour, 10 * 24 * time.Hour}[y.random.IntN(3)]
	return time.Duration(y.random.Int64N(int64(longest)))
}

// session runs the loop on the state that the last one left.
func (y *year) session(t *testing.T, loc *time.Location, path string, length time.Duration) {
	var jobs []Job
	for _, s := range simulatedJobs {
		jobs = append(jobs, Job{
			Name: s.name, Schedule: mustParse(t, s.expr, loc), Window: s.window,
			Run: func(ctx context.Context, run Run) error {
				if y.running.Add(1) != 1 {
					t.Error("two jobs at once")
				}
				defer y.running.Add(-1)
				y.last = run
				sleep(ctx, nil, time.Duration(y.random.Int64N(int64(s.longest))))
				return ctx.Err()
			},
		})
	}
	state := &lateState{path: path}
	loop, err := NewLoop(Parts{
		Jobs:  jobs,
		State: state,
		Report: func(o Outcome) {
			if o.Job == "" {
				t.Errorf("finding: %v", o.Err)
			}
			y.outcomes, y.runs = append(y.outcomes, o), append(y.runs, y.last)
			y.last = Run{}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	y.starts = append(y.starts, time.Now().UTC())
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	if err := loop.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("loop ended with %v", err)
	}
	if err := state.keep(); err != nil {
		t.Error(err)
	}
	if left := time.Since(y.starts[len(y.starts)-1]) - length; left != 0 {
		t.Errorf("the loop took %s to stop", left)
	}
}

// judge compares what became of one job with what was due.
func (y *year) judge(t *testing.T, job simulated, due []time.Time) {
	t.Helper()
	settled, missed := 0, 0 // of due
	for i, o := range y.outcomes {
		if o.Job != job.name {
			continue
		}
		at, known := slices.BinarySearchFunc(due, o.Due, time.Time.Compare)
		switch {
		case !known:
			t.Errorf("%s: ran for %s, which is not due", job.name, o.Due)
			continue
		case at < settled:
			t.Errorf("%s: %s is settled already", job.name, o.Due)
		case o.Skipped != at-settled:
			t.Errorf("%s: run for %s stands for %d more, want %d", job.name, o.Due, o.Skipped, at-settled)
		case at+1 < len(due) && !due[at+1].After(o.Started):
			t.Errorf("%s: run for %s although %s was due at %s", job.name, o.Due, due[at+1], o.Started)
		}
		started := y.startBefore(o.Started)
		if o.Missed != o.Due.Before(started) {
			t.Errorf("%s: run for %s: missed is %t, the loop began at %s", job.name, o.Due, o.Missed, started)
		}
		if errors.Is(o.Err, ErrWindowMissed) {
			if job.window == 0 || o.Started.Before(o.Due.Add(job.window)) {
				t.Errorf("%s: window of %s given up at %s", job.name, o.Due, o.Started)
			}
			missed++
			settled = at + 1
			continue
		}
		if run := y.runs[i]; !run.Due.Equal(o.Due) || run.Missed != o.Missed {
			t.Errorf("%s: the job was told %+v, the outcome is %+v", job.name, run, o)
		} else if job.window > 0 && (!run.Closes.Equal(o.Due.Add(job.window)) || !o.Started.Before(run.Closes) || o.Ended.After(run.Closes)) {
			t.Errorf("%s: ran %s to %s in the window %s to %s", job.name, o.Started, o.Ended, o.Due, run.Closes)
		}
		if errors.Is(o.Err, ErrInterrupted) {
			continue
		}
		if o.Err != nil && !(job.window > 0 && o.Ended.Equal(o.Due.Add(job.window))) {
			t.Errorf("%s: run for %s: %v", job.name, o.Due, o.Err)
		}
		settled = at + 1
	}
	// The last session may end with a run interrupted or about to begin.
	if left := len(due) - settled; left > 0 && due[settled].Before(due[len(due)-1].Add(-3*time.Hour)) {
		t.Errorf("%s: never ran for %s and %d later ones", job.name, due[settled], left-1)
	}
	if job.window == 0 && missed > 0 || len(due) < 10 {
		t.Errorf("%s: %d windows missed of %d due", job.name, missed, len(due))
	}
}

// judgeOrder checks that runs follow each other without overlap, and that none
// waited for anything but another run.
func (y *year) judgeOrder(t *testing.T) {
	t.Helper()
	var ended time.Time
	for _, o := range y.outcomes {
		if o.Started.Before(ended) {
			t.Errorf("%s: run for %s began at %s, before the last one ended at %s", o.Job, o.Due, o.Started, ended)
		}
		ready := o.Due
		if started := y.startBefore(o.Started); started.After(ready) {
			ready = started
		}
		if !o.Started.Equal(ready) && !o.Started.Equal(ended) {
			t.Errorf("%s: run for %s began at %s, could have at %s", o.Job, o.Due, o.Started, ready)
		}
		ended = o.Ended
	}
}

func (y *year) startBefore(instant time.Time) (start time.Time) {
	i, _ := slices.BinarySearchFunc(y.starts, instant.Add(1), time.Time.Compare)
	return y.starts[i-1]
}
