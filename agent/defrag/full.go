package defrag

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/printable"
)

// full sorts the members for which NOSPACE stays by what keeps each of them above its quota.
type full struct {
	away     []string            // voters that do not answer
	left     map[string][]string // members that a run left, by the reason
	notAsked []string            // members that would have been done if no other had been named
	learners []string            // learners, which nobody can defragment
	data     []string            // members that hold too much data
	unknown  []string            // members whose quota is not known
}

// stillFull says why NOSPACE cannot be taken back after a run, each cause with its own way out; "": it can.
func stillFull(f Facts, out Outcome) string {
	steps := map[uint64]Step{}
	for _, s := range out.Plan.Steps {
		steps[s.Member.ID] = s
	}
	found := full{left: map[string][]string{}}
	for _, m := range f.Survey.Members {
		if !BelowQuota(m, f.Quota) && (m.Err == nil || !m.Learner) {
			found.add(m, steps[m.ID], f)
		}
	}
	return found.text(out)
}

// add files one member that is not below its quota, or does not answer.
func (u *full) add(m etcd.Member, s Step, f Facts) {
	m.Name = printable.Text(m.Name, longestText)
	quota := QuotaOf(m, f.Quota)
	size := fmt.Sprintf("%s (%d bytes, %d of them in use, of %d)", m.Name, m.DBSize, m.DBInUse, quota)
	switch {
	case m.Err != nil:
		u.away = append(u.away, fmt.Sprintf("%s (%s)", m.Name, wayOut(m)))
	case s.Verdict == Left:
		u.left[s.Reason] = append(u.left[s.Reason], m.Name)
	case quota == 0:
		u.unknown = append(u.unknown, fmt.Sprintf("%s (%d bytes)", m.Name, m.DBSize))
	case m.Learner:
		u.learners = append(u.learners, fmt.Sprintf("%s (%s)", size, wayOut(m)))
	case s.Reason == notAsked && fits(m, f.Quota):
		u.notAsked = append(u.notAsked, m.Name)
	default:
		u.data = append(u.data, size)
	}
}

// text puts the causes into one sentence.
func (u *full) text(out Outcome) string {
	var why []string
	say := func(names []string, format string) {
		if len(names) > 0 {
			why = append(why, fmt.Sprintf(format, strings.Join(names, ", ")))
		}
	}
	say(u.away, "no answer from %s: start it again, or remove it by that command if it is lost")
	for _, reason := range slices.Sorted(maps.Keys(u.left)) {
		why = append(why, fmt.Sprintf("%s left: %s", strings.Join(u.left[reason], ", "), reason))
	}
	say(u.notAsked, "not asked for: %s: run etcdward defrag without --member")
	say(u.learners, "a learner is not far enough below its quota, and nobody can defragment it: %s: remove it by that command, or promote it once it has caught up")
	if len(u.data) > 0 {
		say(u.data, "not far enough below the quota: %s: compact with a smaller compaction.keep by etcdward compact, delete what is not needed, "+
			"or raise --quota-backend-bytes; then etcdward defrag, with --force where another client compacted")
		if c := out.Compaction; c != nil && !c.Needed() {
			why = append(why, "nothing was compacted: "+c.Reason)
		}
	}
	say(u.unknown, "neither status nor metrics tell the quota of %s: if that is well below --quota-backend-bytes, run etcdctl alarm disarm")
	return strings.Join(why, "; ")
}
