package retention

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// ClockSlack is how far two clocks may disagree before neither is trusted.
const ClockSlack = 5 * time.Minute

// Judge decides which snapshots to keep. It depends on nothing but its arguments,
// and not on the order of snaps.
//
// The rules count regular proven snapshots. An emergency snapshot never replaces one of them. Like an
// unproven snapshot, it is removed only if a newer regular one is proven and it is older than KeepWithin. So
// an outage that fills the store with emergency snapshots pushes no regular one out, and the emergency
// snapshots stay until the whole cluster has been captured again. Proven emergency snapshots count in two
// cases only: they fill up KeepLast if there are fewer regular ones, and if there is no regular one at all,
// every rule counts them instead.
//
// A snapshot that is listed several times counts once and gets one decision. If its listings contradict each
// other, each is kept and none counts.
//
// Nothing is removed (Held) in three cases. No snapshot is proven. Or one was taken more than five minutes
// after now: then no age can be trusted. Or the newest proven one was stored more than five minutes before it
// was taken: then the clock that named it ran ahead, and it may not be the newest.
func Judge(snaps []Snapshot, policy Policy, now time.Time) Verdict {
	j := newJury(snaps, policy, now)
	verdict := Verdict{Held: j.hold(now)}
	for i := range j.snaps {
		d := Decision{Snapshot: j.snaps[i], Reasons: j.reasons[i]}
		switch {
		case len(d.Reasons) > 0:
			d.Keep = true
		case verdict.Held != "":
			d.Keep, d.Reasons = true, []string{"nothing is removed now: " + verdict.Held}
		default:
			d.Reasons = []string{j.reasonToDrop(d.Snapshot)}
		}
		verdict.Decisions = append(verdict.Decisions, d)
	}
	return verdict
}

// ballot collects the reasons to keep each snapshot.
type ballot struct {
	policy  Policy
	snaps   []Snapshot // oldest first
	reasons [][]string // of the snapshot at the same index
	regular bool       // a regular snapshot is proven, so that no emergency snapshot counts
	counted []int      // indexes of those that the rules count, newest first
	filling []int      // indexes of the proven emergencies beside them, newest first
	horizon time.Time  // the oldest time that KeepWithin covers
}

func newJury(snaps []Snapshot, policy Policy, now time.Time) *ballot {
	j := &ballot{policy: policy.bounded(), snaps: sorted(snaps)}
	j.reasons = make([][]string, len(j.snaps))
	j.sift()
	if len(j.counted) == 0 {
		return j
	}
	from := j.snaps[j.counted[0]].TakenAt
	if now.Before(from) {
		from = now
	}
	j.horizon = from.Add(-j.policy.KeepWithin)

	j.keep(j.counted[0], "newest proven")
	j.levels()
	j.within()
	j.last()
	j.periods(j.policy.KeepDaily, "daily", day)
	j.periods(j.policy.KeepWeekly, "weekly", week)
	j.periods(j.policy.KeepMonthly, "monthly", month)
	j.rest()
	return j
}

// sift finds the snapshots that count, and keeps those that cannot be judged.
func (j *ballot) sift() {
	listed := make(map[string]int)
	for _, s := range j.snaps {
		listed[s.ID]++
	}
	for i, s := range slices.Backward(j.snaps) {
		switch {
		case s.TakenAt.IsZero():
			j.keep(i, "time taken unknown")
		case listed[s.ID] > 1:
			j.keep(i, "listed more than once, with differences")
		case s.Proven && !s.Emergency:
			j.counted = append(j.counted, i)
		case s.Proven:
			j.filling = append(j.filling, i)
		}
	}
	if j.regular = len(j.counted) > 0; !j.regular {
		j.counted, j.filling = j.filling, nil
	}
}

// counts reports whether the rules count s, provided that s can be judged at all.
func (j *ballot) counts(s Snapshot) bool {
	return s.Proven && (!s.Emergency || !j.regular)
}

func (j *ballot) hold(now time.Time) string {
	if len(j.counted) == 0 {
		return "no snapshot is proven"
	}
	if s := j.snaps[len(j.snaps)-1]; s.TakenAt.After(now.Add(ClockSlack)) {
		return fmt.Sprintf("snapshot %s was taken at %s, which is in the future: a clock is wrong",
			s.ID, s.TakenAt.UTC().Format(time.RFC3339))
	}
	if s := j.snaps[j.counted[0]]; !s.Stored.IsZero() && s.Stored.Before(s.TakenAt.Add(-ClockSlack)) {
		return fmt.Sprintf("snapshot %s was stored at %s, before it was taken: the clock of the host that took it ran ahead",
			s.ID, s.Stored.UTC().Format(time.RFC3339))
	}
	return ""
}

func (j *ballot) keep(i int, reason string) {
	j.reasons[i] = append(j.reasons[i], reason)
}

// bounded returns the policy with nonsensical numbers corrected.
func (p Policy) bounded() Policy {
	p.KeepWithin = max(p.KeepWithin, 0)
	p.KeepLast = max(p.KeepLast, 1)
	p.KeepDaily, p.KeepWeekly, p.KeepMonthly = max(p.KeepDaily, 0), max(p.KeepWeekly, 0), max(p.KeepMonthly, 0)
	if p.Location == nil {
		p.Location = time.UTC
	}
	return p
}

// sorted returns a copy, oldest first, each listing once. Revisions are compared as numbers, because as text
// 9 comes after 10 and the newest backup would look like the oldest.
func sorted(snaps []Snapshot) []Snapshot {
	snaps = slices.Clone(snaps)
	slices.SortStableFunc(snaps, func(a, b Snapshot) int {
		return cmp.Or(
			a.TakenAt.Compare(b.TakenAt),
			cmp.Compare(a.Revision, b.Revision),
			cmp.Compare(a.ID, b.ID),
			a.Stored.Compare(b.Stored),
			cmp.Compare(strconv.FormatBool(a.Proven), strconv.FormatBool(b.Proven)),
			cmp.Compare(strconv.FormatBool(a.Emergency), strconv.FormatBool(b.Emergency)),
		)
	})
	return slices.CompactFunc(snaps, func(a, b Snapshot) bool {
		return a.ID == b.ID && a.TakenAt.Equal(b.TakenAt) && a.Stored.Equal(b.Stored) &&
			a.Revision == b.Revision && a.Proven == b.Proven && a.Emergency == b.Emergency
	})
}
