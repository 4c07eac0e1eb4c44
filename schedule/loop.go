package schedule

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// longestSleep bounds every wait. Timers follow the monotonic clock, which sees
// neither a suspended host nor a wall clock that was set.
const longestSleep = time.Minute

// Parts are what a Loop is made of. Jobs, State and Report are required.
type Parts struct {
	Jobs  []Job
	State State
	// Report is told of every outcome. It is called from Run, one call at a time,
	// and holds the loop up until it returns.
	Report func(Outcome)
	// Begun is told of every run that begins, as Report is told of its end. A run that begins inside
	// another's Yield ends before that one does. It may be nil.
	Begun func(job *Job, run Run)
	// Alive is called at least every two minutes while no job runs. It may be nil.
	Alive func()
	// Halt ends Run between two runs once it is closed; a run under way is not cut off. If it is nil, only
	// ctx ends Run.
	Halt <-chan struct{}
}

// ErrHalted means that the loop was told to end between two runs, and did.
var ErrHalted = errors.New("halted between two runs")

// Loop runs jobs when they are due, one at a time.
type Loop struct {
	parts Parts
	now   func() time.Time // the wall clock; a test replaces it to make the clock jump
}

// NewLoop returns a Loop. An error means that the parts do not fit together, a
// mistake of the caller.
func NewLoop(parts Parts) (*Loop, error) {
	if parts.State == nil || parts.Report == nil {
		return nil, errors.New("make loop: a state and a report are needed")
	}
	seen := make(map[string]bool)
	for _, job := range parts.Jobs {
		switch {
		case job.Name == "" || job.Run == nil:
			return nil, fmt.Errorf("make loop: job %q: a name and a function are needed", job.Name)
		case seen[job.Name]:
			return nil, fmt.Errorf("make loop: job %q: there are two of that name", job.Name)
		case job.Schedule.rule == nil:
			return nil, fmt.Errorf("make loop: job %q: it has no schedule", job.Name)
		case job.Limit < 0 || job.Window < 0:
			return nil, fmt.Errorf("make loop: job %q: a limit or window below 0", job.Name)
		}
		seen[job.Name] = true
	}
	return &Loop{parts: parts, now: time.Now}, nil
}

// Run runs the jobs until ctx ends, and returns the cause of that, or ErrHalted. A job
// that is running when ctx ends has its context ended, and Run waits for it. No other error
// ends it: a job that fails or panics, and a state that cannot be read or saved, are
// reported. Nothing of it is left behind when it returns.
func (l *Loop) Run(ctx context.Context) error {
	now := l.clock()
	records, err := l.parts.State.Load()
	if err != nil {
		l.find(fmt.Errorf("load schedule state: %w", err))
	}
	b := openBook(l.parts.Jobs, records, now)
	l.save(b)
	for ctx.Err() == nil {
		if l.halted() {
			return ErrHalted
		}
		if l.parts.Alive != nil {
			l.parts.Alive()
		}
		now = l.clock()
		if names := b.look(now); len(names) > 0 {
			l.find(fmt.Errorf("read clock: %w: it is %s now, and later runs are recorded; jobs that go on from now: %s",
				ErrClockBack, now.Format(time.RFC3339), strings.Join(names, ", ")))
			l.save(b)
		}
		if t, ok := b.pick(now); ok {
			t.run.Yield = l.yield(b, t.index)
			l.take(ctx, b, t)
		} else {
			sleep(ctx, l.parts.Halt, min(longestSleep, b.idle(now)))
		}
	}
	return context.Cause(ctx)
}

// take runs what is due, or gives up a run whose window has closed, and reports the outcome.
func (l *Loop) take(ctx context.Context, b *book, t turn) {
	job := &b.entries[t.index].job
	out := Outcome{Job: job.Name, Due: t.run.Due, Started: l.clock(), Missed: t.run.Missed, Skipped: t.skipped}
	if t.closed {
		out.Ended = out.Started
		out.Err = fmt.Errorf("begin run due %s: %w: it closed at %s", t.run.Due.Format(time.RFC3339),
			ErrWindowMissed, t.run.Closes.Format(time.RFC3339))
		b.settle(t.index, t.run.Due)
	} else {
		if l.parts.Begun != nil {
			l.parts.Begun(job, t.run)
		}
		var interrupted bool
		interrupted, out.Err = begin(ctx, job, t.run)
		out.Ended = l.clock()
		b.looked = out.Ended
		if interrupted {
			l.parts.Report(out)
			return
		}
		b.settle(t.index, t.run.Due)
		b.note(t.index, out)
	}
	err := l.parts.State.Save(b.records())
	l.parts.Report(out)
	if err != nil {
		l.find(fmt.Errorf("save schedule state: %w", err))
	}
}

func (l *Loop) save(b *book) {
	if err := l.parts.State.Save(b.records()); err != nil {
		l.find(fmt.Errorf("save schedule state: %w", err))
	}
}

// find reports something about the loop itself.
func (l *Loop) find(err error) {
	now := l.clock()
	l.parts.Report(Outcome{Started: now, Ended: now, Err: err})
}

// clock reads the wall clock without the monotonic reading, which would hide jumps of the wall clock.
func (l *Loop) clock() time.Time { return l.now().Round(0).UTC() }

func (l *Loop) halted() bool {
	select {
	case <-l.parts.Halt:
		return true
	default:
		return false
	}
}

func sleep(ctx context.Context, halt <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-halt:
	case <-timer.C:
	}
}
