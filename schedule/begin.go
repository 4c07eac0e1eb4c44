package schedule

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// begin runs one job to its end. It first checks whether the loop was stopped meanwhile, and only then what
// the job returned: a run that may have been cut short is repeated and not trusted.
func begin(ctx context.Context, job *Job, run Run) (interrupted bool, err error) {
	limit := fmt.Errorf("stopped at its limit of %s", job.Limit)
	closed := fmt.Errorf("stopped at the end of its window, %s", run.Closes.Format(time.RFC3339))

	within, cancel := ctx, context.CancelFunc(func() {})
	if job.Limit > 0 {
		within, cancel = context.WithTimeoutCause(within, job.Limit, limit)
	}
	defer cancel()
	if !run.Closes.IsZero() {
		within, cancel = context.WithDeadlineCause(within, run.Closes, closed)
		defer cancel()
	}

	err = survive(within, job, run)
	cause := context.Cause(within)
	switch {
	case ctx.Err() != nil && err != nil:
		return true, fmt.Errorf("%w: %w", ErrInterrupted, err)
	case ctx.Err() != nil:
		return true, ErrInterrupted
	case err != nil && (errors.Is(cause, limit) || errors.Is(cause, closed)):
		return false, fmt.Errorf("%w: %w", cause, err)
	}
	return false, err
}

// survive turns a panic of the job into a one-line error.
func survive(ctx context.Context, job *Job, run Run) (err error) {
	defer func() {
		if v := recover(); v != nil {
			what := strings.Join(strings.Fields(fmt.Sprint(v)), " ")
			err = fmt.Errorf("panic: %s [%s]", what, stack())
		}
	}()
	return job.Run(ctx, run)
}

// stack returns the calls that led to a panic, the innermost first, down to this package.
func stack() string {
	const deepest, ours = 32, 3 // Callers, stack, and the function that recovers
	pcs := make([]uintptr, deepest)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(ours, pcs)])
	var calls []string
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, "schedule.survive") {
			break
		}
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			calls = append(calls, fmt.Sprintf("%s %s:%d", frame.Function, filepath.Base(frame.File), frame.Line))
		}
		if !more {
			break
		}
	}
	return strings.Join(calls, " < ")
}
