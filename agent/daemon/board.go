package daemon

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent/observe"
	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/schedule"
	"github.com/etcdward/etcdward/systemd"
)

// lookEvery is how old the status line may become if nothing happens.
const lookEvery = 5 * time.Minute

// Notes stay on the status line until they are cleared.
const (
	noteRefused = iota // a reload or a restart
	noteWaits          // likewise, for the end of a run
	noteKinds
)

// board keeps the one line that systemctl status shows.
type board struct {
	tell func(line string) error

	mu      sync.Mutex
	line    systemd.Line
	running []string // a run, and the runs inside it
	notes   [noteKinds]string
	kick    chan struct{}
	failed  bool
	// keep takes what was seen, when, and how long the look took; nil: nobody does.
	keep func(seen status.Status, now time.Time, took time.Duration)
}

// now returns the jobs that run, and whether the changed configuration was refused.
func (b *board) now() (running []string, refused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.running), b.notes[noteRefused] != ""
}

// begun records that a run has begun.
func (b *board) begun(job string) {
	b.change(func() { b.running = append(b.running, job) })
}

// ended records that a run has ended.
func (b *board) ended(job string) {
	b.change(func() {
		b.running = slices.DeleteFunc(b.running, func(name string) bool { return name == job })
	})
}

// say puts a note on the line; "" clears it.
func (b *board) say(kind int, note string) {
	b.change(func() { b.notes[kind] = note })
}

func (b *board) change(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	line := b.line
	if len(b.running) > 0 {
		line.Running = b.running[len(b.running)-1]
	}
	line.Wrong = nil
	for _, note := range b.notes {
		if note != "" {
			line.Wrong = append(line.Wrong, note)
		}
	}
	line.Wrong = append(line.Wrong, b.line.Wrong...)
	b.failed = b.tell(line.String()) != nil
}

// look asks for a new look at the cluster and the stores, soon.
func (b *board) look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.kick <- struct{}{}:
	default: // one is due already, or nobody watches any more
	}
}

// watch looks at the cluster and the stores, on request and at intervals, until ctx ends. Each look is given to remember.
func (b *board) watch(ctx context.Context, look *observe.Observer, log *slog.Logger, remember func(status.Status)) {
	kick := make(chan struct{}, 1)
	b.mu.Lock()
	b.kick = kick
	b.mu.Unlock()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for said := false; ; {
		now := time.Now()
		seen := look.Status(ctx, now)
		if ctx.Err() != nil {
			return
		}
		remember(seen)
		if b.keep != nil {
			b.keep(seen, now, time.Since(now))
		}
		b.change(func() { b.line = statusLine(seen, look.Snapshots, now) })
		b.mu.Lock()
		failed := b.failed
		b.mu.Unlock()
		if failed && !said {
			log.Warn("status not sent to systemd")
		}
		said = failed
		debug.FreeOSMemory()
		select {
		case <-ctx.Done():
			return
		case <-kick:
		case <-tick.C:
		}
	}
}

// statusLine is the verdict in one line.
func statusLine(s status.Status, snapshots *schedule.Schedule, now time.Time) systemd.Line {
	line := systemd.Line{Verdict: string(s.Verdict)}
	if snapshots != nil {
		line.Next = snapshots.Next(now)
	}
	if s.LastProven != nil {
		line.Proven, line.Revision = s.LastProven.TakenAt, s.LastProven.Revision
	}
	everywhere := true
	for i, store := range s.Stores {
		line.Spooled += store.Spooled
		line.Unread = line.Unread || store.Error != ""
		if store.LastSuccess == nil {
			everywhere = false
		} else if i == 0 || store.LastSuccess.Before(line.Stored) {
			line.Stored = *store.LastSuccess
		}
	}
	if !everywhere {
		line.Stored = time.Time{}
	}
	if s.Verdict != status.Protected {
		line.Wrong = s.Reasons
	}
	return line
}
