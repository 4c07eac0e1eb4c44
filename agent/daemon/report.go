package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/etcdward/etcdward/agent/metrics"
	"github.com/etcdward/etcdward/schedule"
)

func (d *daemon) begun(job *schedule.Job, run schedule.Run) {
	limit := job.Limit
	if !run.Closes.IsZero() {
		limit = time.Until(run.Closes)
	}
	d.pulse.begun(job.Name, limit)
	d.board.begun(job.Name)
}

// report logs the outcome of every run in one line.
func (d *daemon) report(g *generation, o schedule.Outcome) {
	// A snapshot leaves buffers behind that an idle daemon does not need, so give their memory back.
	debug.FreeOSMemory()
	d.pulse.ended(o.Job)
	d.board.ended(o.Job)
	d.board.look()
	d.ran(g, o)
	args := []any{"job", o.Job}
	if o.Job == "" {
		args = nil
	} else {
		args = append(args, "due", o.Due.Format(time.RFC3339), "seconds", fmt.Sprintf("%.1f", o.Ended.Sub(o.Started).Seconds()))
		if o.Missed {
			args = append(args, "missed", true)
		}
		if o.Skipped > 0 {
			args = append(args, "skipped", o.Skipped)
		}
	}
	level, message := slog.LevelInfo, "job done"
	switch result := resultOf(o.Err); {
	case result == metrics.Done:
	case result == metrics.Interrupted:
		message = "job interrupted, due again at the next start"
	case o.Job == "":
		level, message = slog.LevelWarn, "schedule"
	case result == metrics.TooLate:
		level, message = slog.LevelWarn, "window missed"
	case result == metrics.Skipped:
		level, message = slog.LevelWarn, "job skipped"
	case result == metrics.Findings:
		level, message = slog.LevelWarn, "job done with findings"
	default:
		level, message = slog.LevelError, "job failed"
	}
	if o.Err != nil {
		args = append(args, "error", o.Err)
	}
	g.Log.Log(context.Background(), level, message, args...)
}
