package defrag

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/etcd"
)

const (
	// settleBound is how long the cluster may take to become whole again after a member was away or leadership
	// moved.
	settleBound = 2 * time.Minute
	// defragGrace is how long a run that is told to end still waits for a defragmentation under way, since the member goes
	// on with it in any case.
	defragGrace = 30 * time.Second
	// patience is the factor by which a member may exceed its estimate before it counts as lost.
	patience = 4
)

// Bound returns how long to wait for a member with this estimate.
func Bound(estimate time.Duration) time.Duration { return patience*estimate + settleBound }

// member defragments one.
func (r *defragRun) member(ctx context.Context, s Step) error {
	m := s.Member
	out := Rewritten{Name: m.Name, Before: m.DBSize}
	// From here on the ledger names the member if this agent crashes.
	r.book.Underway, r.book.Left = m.Name, nil
	for _, other := range r.out.Plan.With(Do)[1:] {
		r.book.Left = append(r.book.Left, other.Member.Name)
	}
	r.book.Left = append(r.book.Left, r.out.Plan.Waiting(r.first)...)
	if err := r.keep(ctx); err != nil {
		return err
	}
	r.Log.Info("defragmentation begun", "member", m.Name, "reason", s.Reason, "db_size", m.DBSize, "estimate_seconds", s.Estimate.Seconds())

	survey, err := r.settled(ctx, settleBound)
	if err != nil {
		return err
	}
	out.LedBefore = survey.LeaderMember().Name
	if survey, err = r.handOver(ctx, s, survey); err != nil {
		return err
	}
	out.LedDuring = survey.LeaderMember().Name
	// Settling can take minutes, and the call outlives ctx, so confirm that we still hold the lock.
	if err := r.keep(ctx); err != nil {
		return err
	}
	if err := cancellation.Cause(ctx); err != nil {
		return err
	}
	lasting, end := withGrace(ctx, defragGrace)
	defer end()
	begun := time.Now()
	bound := Bound(s.Estimate)
	if err := r.Cluster.Defragment(lasting, m, bound); err != nil {
		return r.lost(lasting, err)
	}
	// The member is not done when the call returns: it has yet to catch up with what it missed.
	survey, err = r.settled(lasting, bound)
	if err != nil {
		return fmt.Errorf("it has not come back: %w", err)
	}
	now := survey.Member(m.ID)
	out.After, out.InUse, out.Took, out.LedAfter = now.DBSize, now.DBInUse, time.Since(begun), survey.LeaderMember().Name
	r.done[m.Name] = true
	r.out.Members = append(r.out.Members, out)
	r.book.Pace = r.book.Pace.With(Sample{Bytes: out.Before, Seconds: out.Took.Seconds()})
	r.book.Underway = ""
	lost := r.keep(lasting)
	r.Log.Info("member defragmented", "member", m.Name, "before", out.Before, "after", out.After, "in_use", out.InUse,
		"seconds", out.Took.Seconds(), "led_before", out.LedBefore, "led_during", out.LedDuring, "led_after", out.LedAfter)
	if out.After > out.Before {
		r.Log.Warn("file grew", "member", m.Name, "before", out.Before, "after", out.After)
	}
	return errors.Join(r.stillAgrees(lasting, survey, now), lost)
}

// lost finds out what became of a member whose call failed. It waits for a member that takes too long, so that the lock is
// not given back while the member works. It does not wait for a member that went down.
func (r *defragRun) lost(ctx context.Context, err error) error {
	if !etcd.Hangs(err) {
		return err
	}
	if _, waited := r.settled(ctx, settleBound); waited != nil {
		return errors.Join(err, fmt.Errorf("it has not come back: %w", waited))
	}
	return err
}

// handOver moves leadership away from the member if it leads, and checks that it no longer does.
func (r *defragRun) handOver(ctx context.Context, s Step, survey etcd.Survey) (etcd.Survey, error) {
	if survey.Leader != s.Member.ID || survey.Voters() == 1 {
		return survey, nil
	}
	heir, found := survey.Named(s.Heir)
	if !found {
		return survey, errors.New("it leads now, and did not when the plan was made")
	}
	if err := r.Cluster.MoveLeader(ctx, s.Member, heir); err != nil {
		return survey, err
	}
	survey, err := r.settled(ctx, settleBound)
	if err == nil && survey.Leader == s.Member.ID {
		err = fmt.Errorf("it still leads after handing over to %s", s.Heir)
	}
	return survey, err
}

// votersOf are the members on which the quorum hangs.
func votersOf(s etcd.Survey) []etcd.Member {
	return slices.DeleteFunc(slices.Clone(s.Members), func(m etcd.Member) bool { return m.Learner })
}

// unsettled says why the voters are not whole; nil: they are. goal is set when it is first asked.
func (d *Defragmenter) unsettled(ctx context.Context, goal *uint64) (etcd.Survey, error) {
	survey, err := d.Cluster.Survey(ctx)
	if err != nil {
		return survey, err
	}
	if !survey.Quorum() {
		return survey, etcd.ErrNoQuorum
	}
	first := *goal == 0
	voters := votersOf(survey)
	for _, m := range voters {
		switch {
		case m.Err != nil:
			return survey, fmt.Errorf("%s: %w", m.Name, m.Err)
		case m.Leader != survey.Leader:
			return survey, fmt.Errorf("%s does not follow the leader", m.Name)
		}
		if first {
			*goal = max(*goal, m.RaftIndex)
		}
	}
	for _, m := range voters {
		if m.RaftApplied < *goal {
			return survey, fmt.Errorf("%s has applied %d of %d raft entries", m.Name, m.RaftApplied, *goal)
		}
		if err := d.Cluster.Responds(ctx, m); err != nil {
			return survey, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return survey, nil
}

// rest pauses for the cluster and runs what came due meanwhile, unless no member is left.
func (r *defragRun) rest(ctx context.Context) error {
	waiting := func(s Step) bool {
		return !r.done[s.Member.Name] && (s.Verdict == Do || s.Verdict == Left)
	}
	if !slices.ContainsFunc(r.out.Plan.Steps, waiting) {
		return nil
	}
	if !r.closes.IsZero() && !time.Now().Add(r.Rules.Pause).Before(r.closes) {
		r.over = true
		return nil
	}
	timer := time.NewTimer(r.Rules.Pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
	}
	if r.Between != nil {
		r.Between(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// withGrace returns a context that ends a while after ctx.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var timer *time.Timer
	started := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		timer = time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
		close(started)
	})
	return lasting, func() {
		if !stop() {
			<-started
			timer.Stop()
		}
		cancel(nil)
	}
}

// LockTTL returns how long the cluster's lock must live for the first member of a plan; 0 means as long as usual. While one of only two
// voters is away there is no quorum, so that the lock cannot be renewed.
func (p Plan) LockTTL() time.Duration {
	step, more := p.Next()
	if !more || p.voters() > 2 {
		return 0
	}
	return max(etcd.LockTTL, Bound(step.Estimate)).Round(time.Second)
}

// voters counts the members of a plan that vote.
func (p Plan) voters() (n int) {
	for _, s := range p.Steps {
		if !s.Member.Learner {
			n++
		}
	}
	return n
}
