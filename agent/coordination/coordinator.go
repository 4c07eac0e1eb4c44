// Package coordination makes sure that only one of the agents on all hosts acts at a time, and that each due run happens
// once. It does not know the jobs.
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
	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/etcd"
)

// Coordinator makes sure that only one of the agents on all hosts acts at a time, and that each due run
// happens once.
//
// It cannot promise more: if an agent is killed between the end of its work and the note of it, the next agent does the run
// again.
type Coordinator struct {
	Cluster *etcd.Cluster
	Host    string
	Log     *slog.Logger
	// Courtesy is how long an agent waits to let the others go first. 0 means 3 s.
	Courtesy time.Duration
	// Before runs under the lock before each job that disturbs the cluster, and may wait until disturbing it is safe. Its error ends the
	// run. nil means that nothing runs.
	Before func(ctx context.Context, l *etcd.Lock) error
	// LockTTL is how long the lock outlives this process. 0 means etcd.LockTTL.
	LockTTL time.Duration
}

// defaultCourtesy is long enough for the others to take the lock, provided that the clocks agree.
const defaultCourtesy = 3 * time.Second

// DueRun is a run of a job that is due on all hosts.
type DueRun struct {
	Job string
	Due time.Time
	// Yield reports whether the other agents go first. nil means that they never do.
	Yield func(ctx context.Context) bool
	// Once means that no other host tries a run that failed on one host.
	Once bool
	// OwnLock means that the run does not disturb the cluster. It gets a separate lock, so that it holds up
	// nothing.
	OwnLock bool
	// WithoutLock reports whether the run takes place although the lock is unavailable because etcd accepts no writes: cause
	// wraps etcd.ErrNoQuorum, etcd.ErrNoSpace or etcd.ErrCorrupt. nil means that the run is skipped.
	WithoutLock func(ctx context.Context, cause error) bool
}

// ErrLockUnavailable means that a run was skipped because the lock is unavailable in the present state of the cluster. The
// run is not made up for, since the next one may find the cluster in another state.
var ErrLockUnavailable = errors.New("skipped: the lock is unavailable")

// RunDue does a due run under the lock, unless the record shows that another host already did it. If the run was left to
// another host, which the log names, ran is false and err is nil.
//
// A run that fails is noted as failed, and the next agent that waits for the same run tries it, each host once. A run with findings
// (agent.ErrPartial) counts as done. A run that was interrupted or lost the lock is not noted, so that the next holder of the lock does
// it. A job that runs inside a longer one uses the lock of the longer one.
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

// leftToOthers is asked when the time to wait for the lock is over. It reports whether the record settles the run, or another host
// is doing it; in both cases the run has not failed here.
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

// leave logs why a due run is left alone.
func (c *Coordinator) leave(d DueRun, reason string) {
	c.Log.Info("job left to another host", "job", d.Job, "due", d.Due.UTC().Format(time.RFC3339), "reason", reason)
}

// askTime limits a question to the cluster that is asked after the time for a run is over.
const askTime = 5 * time.Second

// RunNow does something under the lock that no schedule asked for. It returns false if that was not done because the lock is
// unavailable; withoutLock is as in DueRun.
func (c *Coordinator) RunNow(ctx context.Context, task string, withoutLock func(ctx context.Context, cause error) bool, run func(ctx context.Context) error) (ran bool, err error) {
	// A person waits for this, so say who holds the lock. If the holder cannot be read, taking the lock will
	// fail and say why.
	if who, held, err := c.Cluster.Holder(ctx); err == nil && held {
		c.Log.Info("waiting for another agent", "task", task, "holder", who.String())
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

// withoutLock decides what to do if the lock is unavailable.
func (c *Coordinator) withoutLock(ctx context.Context, task string, cause error, may func(context.Context, error) bool, run func(context.Context) error) (ran bool, err error) {
	if !errors.Is(cause, etcd.ErrNoQuorum) && !errors.Is(cause, etcd.ErrNoSpace) && !errors.Is(cause, etcd.ErrCorrupt) {
		return false, cause
	}
	if may == nil || !may(ctx, cause) {
		return false, fmt.Errorf("%s: %w: %w", task, ErrLockUnavailable, cause)
	}
	c.Log.Warn("running without the lock", "task", task, "reason", cause)
	return true, run(ctx)
}

// AlwaysWithoutLock is a WithoutLock for work that matters more than order: two snapshots from two hosts are better than none.
func AlwaysWithoutLock(context.Context, error) bool { return true }

// WhileFull is a WithoutLock for work that gives space back. NOSPACE keeps the lock from being written, and lasts until
// this work is done, so a person may ask for it without the lock. If there is no quorum, it is skipped.
func WhileFull(_ context.Context, cause error) bool { return errors.Is(cause, etcd.ErrNoSpace) }

// WhileFullAtLeader is WhileFull for schedules, which are due on all hosts: only the host of the leader acts.
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
		return cancellation.Cause(ctx)
	}
	return c.Before(ctx, l)
}

func (c *Coordinator) courtesy(ctx context.Context) error {
	wait := c.Courtesy
	if wait == 0 {
		wait = defaultCourtesy
	}
	return cancellation.Wait(ctx, wait)
}

// nested shows the inner job as the holder's task while it runs, and afterwards the outer one again.
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
	// A finished run is noted even if its time is over. If the lock was lost, the fence refuses the write.
	if noteErr := l.NoteRun(context.WithoutCancel(ctx), d.Job, last.After(d.Due, c.Host, ok, time.Now())); noteErr != nil {
		// The work is done even without the note; at worst another host repeats it.
		c.Log.Warn("run not noted", "job", d.Job, "error", noteErr)
	}
	return true, err
}
