package schedule

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestHalt checks that a halt waits for the run under way, begins no other, and that the next loop goes on from there.
func TestHalt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		halt := make(chan struct{})
		var story []string
		state := &memory{}
		run := func(ctx context.Context, r Run) error {
			time.AfterFunc(10*time.Minute, func() { close(halt) })
			sleep(ctx, nil, 30*time.Minute)
			r.Yield(ctx) // the short job is due by now
			return ctx.Err()
		}
		jobs := []Job{
			{Name: "long", Schedule: mustParse(t, "0 1 * * *", time.UTC), Run: run},
			{Name: "short", Schedule: mustParse(t, "20 1 * * *", time.UTC), Run: func(context.Context, Run) error { return nil }},
		}
		parts := Parts{Jobs: jobs, State: state, Halt: halt,
			Begun:  func(job *Job, r Run) { story = append(story, "begun "+job.Name+" "+r.Due.Format("15:04")) },
			Report: func(o Outcome) { story = append(story, "ended "+o.Job+" "+o.Ended.Format("15:04")) }}
		loop, err := NewLoop(parts)
		if err != nil {
			t.Fatal(err)
		}
		if err := loop.Run(t.Context()); !errors.Is(err, ErrHalted) {
			t.Errorf("it ended with %v", err)
		}
		parts.Halt = nil
		if loop, err = NewLoop(parts); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := loop.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
		want := []string{"begun long 01:00", "ended long 01:30", "begun short 01:20", "ended short 01:30"}
		if !slices.Equal(story, want) {
			t.Errorf("got %q, want %q", story, want)
		}
	})
}

// TestHaltWhileIdle checks that a loop with nothing to do ends at once, and that it says that it is alive until then.
func TestHaltWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		halt := make(chan struct{})
		var alive []time.Time
		loop, err := NewLoop(Parts{State: &memory{}, Report: func(o Outcome) { t.Errorf("reported %+v", o) }, Halt: halt,
			Alive: func() { alive = append(alive, time.Now()) }})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		time.AfterFunc(10*time.Minute+time.Second, func() { close(halt) })
		if err := loop.Run(t.Context()); !errors.Is(err, ErrHalted) {
			t.Errorf("it ended with %v", err)
		}
		if took := time.Since(begun); took != 10*time.Minute+time.Second {
			t.Errorf("it ended after %s", took)
		}
		for i, at := range alive {
			if i > 0 && at.Sub(alive[i-1]) > 2*time.Minute {
				t.Errorf("it was silent from %s to %s", alive[i-1], at)
			}
		}
		if len(alive) < 5 {
			t.Errorf("it said so %d times", len(alive))
		}
	})
}

// TestPatient checks that a patient job is not begun while another yields, and is begun then.
func TestPatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var story []string
		long := func(ctx context.Context, r Run) error {
			sleep(ctx, nil, time.Hour)
			r.Yield(ctx)
			story = append(story, "long goes on")
			return ctx.Err()
		}
		quick := func(context.Context, Run) error { return nil }
		loop, err := NewLoop(Parts{State: &memory{}, Report: func(o Outcome) { story = append(story, o.Job) }, Jobs: []Job{
			{Name: "long", Schedule: mustParse(t, "0 1 * * *", time.UTC), Run: long},
			{Name: "patient", Schedule: mustParse(t, "20 1 * * *", time.UTC), Patient: true, Run: quick},
			{Name: "short", Schedule: mustParse(t, "30 1 * * *", time.UTC), Run: quick},
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		if err := loop.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if want := []string{"short", "long goes on", "long", "patient"}; !slices.Equal(story, want) {
			t.Errorf("got %q, want %q", story, want)
		}
	})
}
