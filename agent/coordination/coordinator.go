// Package coordination lets one of the agents on all hosts act at a time, and each due run happen once. It knows no job.
package coordination

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/etcd"
)

// Coordinator lets one of the agents on all hosts act at a time, and each due run happen once.
//
// What it cannot promise: an agent that is killed between the end of its work and the note of it leaves a run that the next one
// does again.
type Coordinator struct {
	Cluster *etcd.Cluster
	Host    string
	Log     *slog.Logger
	// Courtesy is how long an agent that others should go before waits. 0: 3 s.
	Courtesy time.Duration
	// Before runs under the lock before any job that disturbs the cluster, and may wait there until the cluster can be disturbed. Its error
	// ends the run. nil: nothing does.
	Before func(ctx context.Context, l *etcd.Lock) error
	// LockTTL is how long the lock outlives this process. 0: etcd.LockTTL.
	LockTTL time.Duration
}

// defaultCourtesy is time enough for the others to take the lock, when their clocks agree.
const defaultCourtesy = 3 * time.Second

// DueRun is a run of a job that is due on all hosts.
type DueRun struct {
	Job string
	Due time.Time
	// Yield: the other agents go first. nil: it never yields.
	Yield func(ctx context.Context) bool
	// Once: where it failed on one host, no other tries it.
	Once bool
	// OwnLock: it does not disturb the cluster, and has a lock of its own, so that it holds up nothing.
	OwnLock bool
	// WithoutLock reports whether it is to run though the lock cannot be had, since it can be written to nobody: cause wraps
	// etcd.ErrNoQuorum, etcd.ErrNoSpace or etcd.ErrCorrupt. nil: it rests.
	WithoutLock func(ctx context.Context, cause error) bool
}

// ErrLockUnavailable means that a run was skipped because the lock cannot be had in the state that the cluster is in. The run
// is not made up: the next one will find another state.
var ErrLockUnavailable = errors.New("skipped: the lock is unavailable")

// RunDue does a due run under the lock, unless the roll call says that it needs doing no more. ran is false when it was left to
// another host, which the log names; err then is nil.
//
// A run that fails is noted as such, and the next agent that waits for the same one tries it, each host once. One with
// findings (agent.ErrPartial) counts as done. One that was interrupted, or lost the lock, is noted by nobody: whoever has the lock next
// does it. A job that runs inside of a longer one has that one's lock.
func (c *Coordinator) RunDue(ctx context.Context, d DueRun, run func(ctx context.Context) error) (ran bool, err error) {
	if l := etcd.LockOf(ctx); l != nil {
		return c.nested(ctx, l, d, run)
	}
	if d.Yield != nil && d.Yield(ctx) {
		if err := c.courtesy(ctx); err != nil {
			return false, err
		}
	}
	began := false
	who := c.holder(d.Job)
	if d.OwnLock {
		who.Beside = d.Job
	}
	err = c.Cluster.Hold(ctx, who, func(ctx context.Context, l *etcd.Lock) error {
		began = true
		if !d.OwnLock {
			if err := c.before(ctx, l); err != nil {
				return err
			}
		}
		ran, err = c.attendLocked(ctx, l, d, run)
		return err
	})
	if began || err == nil {
		return ran, err
	}
	if ctx.Err() != nil && c.leftToOthers(ctx, d) {
		return false, nil
	}
	return c.withoutLock(ctx, d.Job, err, d.WithoutLock, run)
}

// leftToOthers says, once the time for the lock is over, whether the roll call settles the run or another host is at it: then it has
// not failed here.
func (c *Coordinator) leftToOthers(ctx context.Context, d DueRun) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	if last, found, err := c.Cluster.LastRun(ctx, d.Job); err == nil && found {
		if reason, settled := last.Settled(d.Due, c.Host, d.Once, time.Now()); settled {
			c.leave(d, reason)
			return true
		}
	}
	who, held, err := c.Cluster.Holder(ctx)
	if err != nil || !held || !strings.HasPrefix(who.Task, d.Job) {
		return false
	}
	c.leave(d, who.String())
	return true
}

// leave says why a due run is let be.
func (c *Coordinator) leave(d DueRun, reason string) {
	c.Log.Info("job needs no doing here", "job", d.Job, "due", d.Due.UTC().Format(time.RFC3339), "reason", reason)
}

// askTime bounds a question to the cluster after the time for a run is over.
const askTime = 5 * time.Second

// RunNow does something under the lock that no schedule asked for. It returns false when that was not done, since the lock could not
// be had; withoutLock is as in DueRun.
func (c *Coordinator) RunNow(ctx context.Context, task string, withoutLock func(ctx context.Context, cause error) bool, run func(ctx context.Context) error) (ran bool, err error) {
	// A person waits for this. Where nobody can be asked, taking the lock says why.
	if who, held, err := c.Cluster.Holder(ctx); err == nil && held {
		c.Log.Info("waiting for another agent", "task", task, "at_work", who.String())
	}
	err = c.Cluster.Hold(ctx, c.holder(task), func(ctx context.Context, l *etcd.Lock) error {
		if err := c.before(ctx, l); err != nil {
			return err
		}
		ran = true
		return run(ctx)
	})
	if ran || err == nil {
		return ran, err
	}
	return c.withoutLock(ctx, task, err, withoutLock, run)
}

// withoutLock decides on what to do when the lock cannot be had.
func (c *Coordinator) withoutLock(ctx context.Context, task string, cause error, may func(context.Context, error) bool, run func(context.Context) error) (ran bool, err error) {
	if !errors.Is(cause, etcd.ErrNoQuorum) && !errors.Is(cause, etcd.ErrNoSpace) && !errors.Is(cause, etcd.ErrCorrupt) {
		return false, cause
	}
	if may == nil || !may(ctx, cause) {
		return false, fmt.Errorf("%s: %w: %w", task, ErrLockUnavailable, cause)
	}
	c.Log.Warn("running without the lock", "task", task, "cause", cause)
	return true, run(ctx)
}

// AlwaysWithoutLock is a WithoutLock for what matters more than order: a snapshot that two hosts take is better than one that none does.
func AlwaysWithoutLock(context.Context, error) bool { return true }

// WhileFull is a WithoutLock for what gives space back. NOSPACE keeps the lock from being written, and lasts until this was
// done: a person who asks for it may. Without quorum it rests.
func WhileFull(_ context.Context, cause error) bool { return errors.Is(cause, etcd.ErrNoSpace) }

// WhileFullAtLeader is WhileFull for schedules, which are due on all hosts: it lets the one act whose own member leads.
func (c *Coordinator) WhileFullAtLeader(ctx context.Context, cause error) bool {
	if !WhileFull(ctx, cause) {
		return false
	}
	survey, err := c.Cluster.Survey(ctx)
	return err == nil && survey.LeaderMember().Local
}

func (c *Coordinator) holder(task string) etcd.Holder {
	return etcd.Holder{Host: c.Host, PID: os.Getpid(), Task: task, TTL: c.LockTTL}
}

func (c *Coordinator) before(ctx context.Context, l *etcd.Lock) error {
	if c.Before == nil {
		return cause(ctx)
	}
	return c.Before(ctx, l)
}

// cause is why ctx ended; nil if it has not.
func cause(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (c *Coordinator) courtesy(ctx context.Context) error {
	wait := c.Courtesy
	if wait == 0 {
		wait = defaultCourtesy
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// nested shows what is done meanwhile, and then again what was.
func (c *Coordinator) nested(ctx context.Context, l *etcd.Lock, d DueRun, run func(ctx context.Context) error) (ran bool, err error) {
	outer := l.Holder().Task
	if err := l.Task(ctx, outer+", "+d.Job); err != nil {
		return false, err
	}
	ran, err = c.attendLocked(ctx, l, d, run)
	return ran, errors.Join(err, l.Task(ctx, outer))
}

func (c *Coordinator) attendLocked(ctx context.Context, l *etcd.Lock, d DueRun, run func(ctx context.Context) error) (ran bool, err error) {
	last, _, err := l.LastRun(ctx, d.Job)
	if err != nil {
		return false, err
	}
	if last.Disbelieved(time.Now()) {
		c.Log.Warn("the clocks of the hosts disagree: a run is on record that is not due yet", "job", d.Job, "due", last.Due, "host", last.Host)
	}
	if reason, settled := last.Settled(d.Due, c.Host, d.Once, time.Now()); settled {
		c.leave(d, reason)
		return false, nil
	}
	err = run(ctx)
	ok := err == nil || errors.Is(err, agent.ErrPartial)
	if !ok && ctx.Err() != nil {
		return true, err
	}
	// What is done is noted also when there is no time for more; the fence keeps a lost lock from writing.
	if noteErr := l.NoteRun(context.WithoutCancel(ctx), d.Job, last.After(d.Due, c.Host, ok, time.Now())); noteErr != nil {
		// The work is done all the same; at worst another host does it again.
		c.Log.Warn("run not noted", "job", d.Job, "error", noteErr)
	}
	return true, err
}
