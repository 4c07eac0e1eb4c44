// Package defrag decides which members of a cluster to defragment, in which order, and why each other member is left. It then does so, one member at
// a time. The decision is pure: it asks no cluster and no clock.
//
// Its one invariant: at most one voter is away at a time, and never one without which the voters that remain are no quorum
// unless a person named it, or the cluster takes no writes already and this gives them back.
package defrag

import (
	"cmp"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
)

// Rules are what the configuration and the command line ask for.
type Rules struct {
	// MinReclaimable is in bytes, MinRatio a share of the file. A member must reach both; 0 means that every gain
	// counts.
	MinReclaimable int64
	MinRatio       float64
	// MoveLeader allows leadership to be moved away from a leader that is to be defragmented. Otherwise the
	// leader is left.
	MoveLeader bool
	// Force lifts the thresholds and the guard against versions whose defragmentation is known to damage data.
	Force bool
	// Only names the one member in question; "" means all members.
	Only string
	// Pause is the time to wait between two members.
	Pause time.Duration
}

// Facts are everything that the decision depends on.
type Facts struct {
	Survey etcd.Survey
	// Silent names the members whose status answers but whose database does not: they defragment or hang.
	Silent map[string]error
	// OpenSnapshots counts, by name, the streams of snapshots that a member serves. For a member that is not in the map
	// the number is not known.
	OpenSnapshots map[string]int
	// Unseen says, by name, why a member's open snapshots are not known.
	Unseen map[string]error
	// FreeDisk is the free space, in bytes, on the disk of a member's database, by name. A member that is not
	// in the map is on another host.
	FreeDisk map[string]int64
	// Quota in bytes, by name; one that is missing does not tell it.
	Quota map[string]int64
	// Compacted means that old history was given up before, or will be.
	Compacted bool
	// Removing says that members still remove what was compacted, so that what they tell of their empty space is no measure; "": they do not.
	Removing string
	// Diverged says how the members' data differ; "": it does not, or it was not asked.
	Diverged string
	// Done are members that this run has defragmented already.
	Done map[string]bool
	// First are the members that an earlier run had to leave.
	First []string
	Pace  Pace
	// Now and Closes are the bounds of the window; a zero Closes means that there is no window.
	Now, Closes time.Time
}

// Verdict says what happens to one member.
type Verdict string

// Verdicts.
const (
	Do     Verdict = "defragment"
	Done   Verdict = "done"   // in this run
	Enough Verdict = "enough" // too little to gain, or not in question: nothing is wrong
	Left   Verdict = "left"   // it may be worth it, but something forbids it
)

// Step is one member of a plan.
type Step struct {
	Member      etcd.Member
	Verdict     Verdict
	Reason      string
	Reclaimable int64 // bytes
	// Estimate is how long it will take; 0 unless the verdict is Do.
	Estimate time.Duration
	// Heir is the member that takes over leadership first; "" if this member does not lead.
	Heir string
	// Late means that the member is left only because it would not be finished inside the window.
	Late bool
}

// Plan holds all members: those to defragment in their order, then the others by name.
type Plan struct {
	Steps []Step
}

// Next returns the first member to defragment; false if there is none.
func (p Plan) Next() (Step, bool) {
	if len(p.Steps) == 0 || p.Steps[0].Verdict != Do {
		return Step{}, false
	}
	return p.Steps[0], true
}

// With returns the steps of one verdict.
func (p Plan) With(v Verdict) []Step {
	var steps []Step
	for _, s := range p.Steps {
		if s.Verdict == v {
			steps = append(steps, s)
		}
	}
	return steps
}

// Missed reports whether no member is begun, and at least one only because time is too short.
func (p Plan) Missed() bool {
	_, more := p.Next()
	return !more && len(p.With(Done)) == 0 && slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Late })
}

// Waiting names the members that are left, with those that were left before in front. It becomes Facts.First
// of the next run.
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
