package schedule

import (
	"context"
	"errors"
	"time"
)

// Job is something to be done on a schedule.
type Job struct {
	// Name identifies the job in its outcomes and in the state; unique, not "".
	Name string
	// Schedule says when it is due.
	Schedule Schedule
	// Limit ends the context of a run that lasts longer; 0: none.
	Limit time.Duration
	// Window is how long after its due instant a run may still begin, and at its end the context of the run
	// ends. A run that cannot begin in [due, due+Window) is reported with ErrWindowMissed and waits for the
	// next window. 0 means no window: a missed run is made up for, once, however late.
	Window time.Duration
	// Patient means that the job does not begin while another run yields, but waits until that run has ended.
	Patient bool
	// Run does the work. It must return soon after its context has ended: until
	// then nothing else runs. An error is reported and recorded; the job then
	// rests until it is due again.
	Run func(ctx context.Context, run Run) error
}

// Run is what a job is told about the run it is to do.
type Run struct {
	// Due is the instant for which the job runs, in UTC.
	Due time.Time
	// Missed means that the loop or the host was not running at Due.
	Missed bool
	// Closes is when the window ends, in UTC; zero if there is none. The context
	// ends at the same instant.
	Closes time.Time
	// Yield runs the other jobs that are due now, one after the other, and returns when none is due. A long
	// job calls it at points where it can pause. It may only be called while Run runs, and from the goroutine
	// of Run. The other jobs run under the context that is passed to it; a run that this context cuts short
	// is due again. In a run that was itself begun by a Yield it does nothing. It is never nil in a run of a
	// Loop.
	Yield func(ctx context.Context)
}

// Outcome is the result of a due run. If Job is "", it is not about a run but about the loop itself: its
// clock (ErrClockBack) or its state (ErrStateDamaged, or a state that could not be saved).
type Outcome struct {
	Job string
	// Due, Started and Ended are in UTC by the wall clock. Due is zero for a
	// finding.
	Due, Started, Ended time.Time
	// Err is nil for a run that did its work. An error that wraps ErrInterrupted or ErrWindowMissed is not a
	// failure of the job.
	Err error
	// Missed means that the loop or the host was not running at Due.
	Missed bool
	// Skipped is how many earlier due runs this one replaces; it stops counting at 10000.
	Skipped int
}

var (
	// ErrInterrupted means that the loop was told to stop while the job ran. The
	// run is not recorded: it is due again when the loop is next started.
	ErrInterrupted = errors.New("interrupted")
	// ErrWindowMissed means that the run could not begin before its window closed:
	// the host was down, or another job ran for too long. It is not made up.
	ErrWindowMissed = errors.New("window missed")
	// ErrClockBack means that runs were recorded for a time that is now in the
	// future. The jobs go on from now; what is due between now and then may have
	// been done already.
	ErrClockBack = errors.New("clock went back")
	// ErrStateDamaged means that the state could not be read. Where it was kept in
	// a file, the file was moved aside. Jobs start from now: nothing is made up.
	ErrStateDamaged = errors.New("schedule state damaged")
)
