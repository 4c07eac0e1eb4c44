package lock

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/etcd/connection"
)

// Run is the record, kept in the cluster, of the last due run of one job.
type Run struct {
	Due   time.Time `json:"due"`
	Ended time.Time `json:"ended"`
	Host  string    `json:"host"`
	OK    bool      `json:"ok"`
	// Tried names the hosts on which this due run failed.
	Tried []string `json:"tried,omitempty"`
	// Done are the last few due runs that succeeded, so that the note of a host with a wrong clock does not make the others
	// repeat their runs.
	Done []time.Time `json:"done,omitempty"`
}

// doneKept is how many due runs Done holds at most.
const doneKept = 8

// Disbelieved reports whether the record comes from a host whose clock is, or was, ahead of this one's. Such a record is not
// trusted.
func (r Run) Disbelieved(now time.Time) bool { return r.Due.After(now.Add(futureTolerance)) }

// futureTolerance is how far the clocks of the hosts may differ before a record from the future is no longer
// trusted.
const futureTolerance = 2 * time.Minute

// Settled reports whether a host no longer has to do a due run, and why.
//
// Each other host tries a run that failed once, unless once is set. A record of a run that is not due yet comes
// from a host whose clock is or was wrong. It is ignored, since trusting it would stop the job on all hosts.
func (r Run) Settled(due time.Time, host string, once bool, now time.Time) (reason string, settled bool) {
	at := r.Ended.UTC().Format(time.RFC3339)
	switch {
	case slices.ContainsFunc(r.Done, due.Equal):
		return "it was done already", true
	case r.Due.Before(due), r.Disbelieved(now):
		return "", false
	case r.Due.After(due):
		return fmt.Sprintf("%s did a later run, due %s, at %s", r.Host, r.Due.UTC().Format(time.RFC3339), at), true
	case r.OK:
		return fmt.Sprintf("%s did it at %s", r.Host, at), true
	case once:
		return fmt.Sprintf("it failed on %s at %s, and is not tried again until it is next due", r.Host, at), true
	case slices.Contains(r.Tried, host):
		return fmt.Sprintf("it already failed on this host at %s", at), true
	}
	return "", false
}

// After returns the record as it is after a host has done the due run, or has failed to.
func (r Run) After(due time.Time, host string, ok bool, now time.Time) Run {
	next := Run{Due: due.UTC(), Ended: now.UTC().Truncate(time.Millisecond), Host: host, OK: ok, Done: r.Done}
	if ok {
		next.Done = append(slices.Clone(r.Done), due.UTC())
		next.Done = next.Done[max(0, len(next.Done)-doneKept):]
	}
	if !ok && r.Due.Equal(due) {
		next.Tried = slices.Clone(r.Tried)
	}
	if !ok && !slices.Contains(next.Tried, host) {
		next.Tried = append(next.Tried, host)
	}
	return next
}

// LastRun returns the record of a job, read over the connection that renews the lock.
func (l *Lock) LastRun(ctx context.Context, job string) (Run, bool, error) {
	return LastRun(ctx, l.route, job)
}

// LastRun reads the record of a job through the quorum; false if the job never ran.
func LastRun(ctx context.Context, r *connection.Route, job string) (run Run, found bool, err error) {
	found, err = Recall(ctx, r, "runs/"+job, &run)
	return run, found, err
}

// NoteRun writes the outcome of a job's run, and only while the lock is held. If it returns ErrLost, nothing
// was written.
func (l *Lock) NoteRun(ctx context.Context, job string, r Run) error {
	return l.Keep(ctx, "runs/"+job, r)
}
