// Package defrag decides which members of a cluster are to be defragmented, in which order, and why each other one is left; and carries that out, one
// member at a time. Deciding is pure: it asks no cluster and no clock.
//
// Its one invariant: at most one member is away at a time, and never one without which the voters that remain are no quorum
// unless a person named it.
package defrag

import (
	"cmp"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
)

// Rules are what the configuration and the command line ask for.
type Rules struct {
	// MinReclaimable in bytes, and MinRatio as a share of the file: both must be reached. 0: from the first byte on.
	MinReclaimable int64
	MinRatio       float64
	// MoveLeader allows to move leadership away from a leader that is to be defragmented; else it is left.
	MoveLeader bool
	// Force lifts the thresholds, and the guard against versions whose defragmentation is known to damage data.
	Force bool
	// Only names the one member in question; "": all of them.
	Only string
	// Pause between two members.
	Pause time.Duration
}

// Facts are all that the decision rests on.
type Facts struct {
	Survey etcd.Survey
	// Silent are members whose status answers and whose database does not, by name: they defragment, or hang.
	Silent map[string]error
	// OpenSnapshots counts the streams of snapshots that a member serves; one that is missing is not known to serve any.
	OpenSnapshots map[string]int
	// Unseen says, by name, why nothing is known of a member's open snapshots.
	Unseen map[string]error
	// FreeDisk in bytes where a member keeps its database; one that is missing is on another host.
	FreeDisk map[string]int64
	// Quota in bytes, by name; one that is missing does not tell it.
	Quota map[string]int64
	// Compacted: old history was given up first, or will be.
	Compacted bool
	// Diverged says how the members' data differ; "": it does not, or it was not asked.
	Diverged string
	// Done are members that this run has defragmented already.
	Done map[string]bool
	// First are members that an earlier run had to leave.
	First []string
	Pace  Pace
	// Now and Closes bound the window; Closes zero: no window.
	Now, Closes time.Time
}

// Verdict is what is to become of one member.
type Verdict string

// Verdicts.
const (
	Do     Verdict = "defragment"
	Done   Verdict = "done"   // in this run
	Enough Verdict = "enough" // too little to gain, or not in question: nothing is wrong
	Left   Verdict = "left"   // it would be worth it, or nobody can tell, and something forbids it
)

// Step is one member of a plan.
type Step struct {
	Member      etcd.Member
	Verdict     Verdict
	Reason      string
	Reclaimable int64 // bytes
	// Estimate is how long it will take; 0 unless the verdict is Do.
	Estimate time.Duration
	// Heir is who leads before it is begun; "": it does not lead.
	Heir string
	// Late: it is left only since it would not end inside the window.
	Late bool
}

// Plan holds all members: those to defragment in their order, then the others by name.
type Plan struct {
	Steps []Step
}

// Next is the first member to defragment; false: there is none.
func (p Plan) Next() (Step, bool) {
	if len(p.Steps) == 0 || p.Steps[0].Verdict != Do {
		return Step{}, false
	}
	return p.Steps[0], true
}

// With gives the steps of one verdict.
func (p Plan) With(v Verdict) []Step {
	var steps []Step
	for _, s := range p.Steps {
		if s.Verdict == v {
			steps = append(steps, s)
		}
	}
	return steps
}

// Missed reports whether nobody is begun, and somebody only for want of time.
func (p Plan) Missed() bool {
	_, more := p.Next()
	return !more && len(p.With(Done)) == 0 && slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Late })
}

// Waiting names the members that are left, those that were left before in front: Facts.First of the next run.
func (p Plan) Waiting(before []string) []string {
	left := p.With(Left)
	slices.SortStableFunc(left, func(a, b Step) int {
		return cmp.Or(cmp.Compare(turn(a, before), turn(b, before)), usual(a, b))
	})
	var names []string
	for _, s := range left {
		names = append(names, s.Member.Name)
	}
	return names
}
