package schedule

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// nested runs a job of two hours every day, that yields every half hour, beside one of every hour.
func nested(t *testing.T, long func(ctx context.Context, run Run) error, short func(ctx context.Context, run Run) error, end time.Duration) (began []string, outcomes []Outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), end)
		defer cancel()
		note := func(name string, run func(context.Context, Run) error) func(context.Context, Run) error {
			return func(ctx context.Context, r Run) error {
				began = append(began, name+" "+r.Due.Format("15:04"))
				return run(ctx, r)
			}
		}
		state := &memory{}
		loop, err := NewLoop(Parts{
			Jobs: []Job{
				{Name: "long", Schedule: mustParse(t, "10 1 * * *", time.UTC), Window: 2 * time.Hour, Run: note("long", long)},
				{Name: "short", Schedule: mustParse(t, "0 * * * *", time.UTC), Run: note("short", short)},
			},
			State: state, Report: func(o Outcome) { outcomes = append(outcomes, o) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := loop.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if r := state.records["long"]; !r.OK || r.Due.IsZero() {
			t.Errorf("the long job is recorded as %+v", r)
		}
	})
	return began, outcomes
}

func rests(ctx context.Context, d time.Duration) error {
	sleep(ctx, nil, d)
	return context.Cause(ctx)
}

func TestYieldRunsWhatIsDue(t *testing.T) {
	long := func(ctx context.Context, run Run) error {
		for range 4 {
			if err := rests(ctx, 25*time.Minute); err != nil {
				return err
			}
			run.Yield(ctx)
		}
		return nil
	}
	short := func(ctx context.Context, run Run) error {
		run.Yield(ctx) // it is nested in the long one, or alone: neither runs anything in it twice
		return rests(ctx, time.Minute)
	}
	began, outcomes := nested(t, long, short, 3*time.Hour+30*time.Minute)
	want := []string{"short 01:00", "long 01:10", "short 02:00", "short 03:00"}
	if !slices.Equal(began, want) {
		t.Errorf("began %v, want %v", began, want)
	}
	var order []string
	for _, o := range outcomes {
		if o.Err != nil {
			t.Errorf("%s due %s: %v", o.Job, o.Due, o.Err)
		}
		if o.Missed {
			t.Errorf("%s due %s counts as missed", o.Job, o.Due)
		}
		order = append(order, o.Job)
	}
	if !slices.Equal(order, []string{"short", "short", "long", "short"}) {
		t.Errorf("ended in the order %v", order)
	}
}

// What the end of the window cuts off runs again, once the long job has ended.
func TestYieldCutShort(t *testing.T) {
	long := func(ctx context.Context, run Run) error {
		if err := rests(ctx, 119*time.Minute); err != nil {
			return err
		}
		run.Yield(ctx)
		return nil
	}
	tries := 0
	short := func(ctx context.Context, run Run) error {
		tries++
		return rests(ctx, 2*time.Minute)
	}
	began, outcomes := nested(t, long, short, 3*time.Hour+30*time.Minute)
	// 01:00, then 03:00 twice: cut inside of the long job, and again after it.
	want := []string{"short 01:00", "long 01:10", "short 03:00", "short 03:00"}
	if !slices.Equal(began, want) {
		t.Fatalf("began %v, want %v", began, want)
	}
	if !errors.Is(outcomes[1].Err, ErrInterrupted) || outcomes[1].Job != "short" {
		t.Errorf("the run that was cut: %+v", outcomes[1])
	}
	if last := outcomes[len(outcomes)-1]; last.Job != "short" || last.Err != nil || last.Skipped != 1 {
		t.Errorf("the run that made up for it, and for 02:00: %+v", last)
	}
}

// A panic of what runs inside is that job's failure, and the long job goes on.
func TestYieldSurvivesPanic(t *testing.T) {
	long := func(ctx context.Context, run Run) error {
		if err := rests(ctx, time.Hour); err != nil {
			return err
		}
		run.Yield(ctx)
		return nil
	}
	short := func(context.Context, Run) error { panic("short") }
	_, outcomes := nested(t, long, short, 2*time.Hour+30*time.Minute)
	if len(outcomes) != 3 || outcomes[1].Job != "short" || outcomes[1].Err == nil || outcomes[2].Job != "long" || outcomes[2].Err != nil {
		t.Errorf("outcomes are %+v", outcomes)
	}
}
