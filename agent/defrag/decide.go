package defrag

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
)

// Decide makes the plan. The same facts always give the same plan.
//
// If disturbing the cluster is unsafe, every member is skipped. Otherwise each member is judged by itself. The remaining ones are put in
// order: first those that an earlier run had to leave, then followers by what there is to gain, and the leader last, since by then its
// heir has been done. Finally, each member that would not be finished inside the window is left.
func Decide(f Facts, r Rules) Plan {
	var do, rest []Step
	held := forbidden(f)
	for _, m := range f.Survey.Members {
		s := Step{Member: m, Reclaimable: reclaimable(m)}
		s.Verdict, s.Reason = judge(m, f, r, held)
		if s.Verdict == Do {
			do = append(do, s)
		} else {
			rest = append(rest, s)
		}
	}
	slices.SortStableFunc(do, func(a, b Step) int {
		return cmp.Or(cmp.Compare(turn(a, f.First), turn(b, f.First)), usual(a, b))
	})
	var plan Plan
	at := f.Now
	for i, s := range do {
		s.Estimate = f.Pace.Estimate(s.Member.DBSize)
		takes, begins := s.Estimate, len(plan.Steps) == 0 && len(f.Done) == 0
		if begins {
			// Only one member of a window is tried on a hopeful estimate.
			takes = f.Pace.Hope(s.Member.DBSize)
		}
		if ends := at.Add(takes); !f.Closes.IsZero() && ends.After(f.Closes) {
			s.Verdict, s.Late = Left, true
			s.Reason = fmt.Sprintf("the window is too short: it closes in %s, and this member would be done in %s",
				round(f.Closes.Sub(f.Now)), round(ends.Sub(f.Now)))
			if begins {
				s.Reason += fmt.Sprintf("; give a longer defrag.window, or measure it in a quiet hour by etcdward defrag --member %s", s.Member.Name)
			}
			s.Estimate = 0
			rest = append(rest, s)
			continue
		}
		if s.Member.Role == etcd.RoleLeader && f.Survey.Voters() > 1 {
			heir, why := chooseHeir(f.Survey, do, i)
			if why != "" {
				s.Verdict, s.Reason, s.Estimate = Left, why, 0
				rest = append(rest, s)
				continue
			}
			s.Heir = heir
			s.Reason += "; it leads, and hands over to " + heir
		}
		at = at.Add(s.Estimate + r.Pause)
		plan.Steps = append(plan.Steps, s)
	}
	slices.SortStableFunc(rest, func(a, b Step) int { return cmp.Compare(a.Member.Name, b.Member.Name) })
	plan.Steps = append(plan.Steps, rest...)
	for i, s := range plan.Steps {
		if why := f.Unseen[s.Member.Name]; why != nil && s.Verdict != Done {
			plan.Steps[i].Reason += fmt.Sprintf("; open snapshots cannot be seen on %s: %v", s.Member.Name, why)
		}
	}
	return plan
}

// turn returns the place of a member among those that were left before, or a place behind them if it was not. A
// leader that was left together with others still waits for them.
func turn(s Step, first []string) int {
	i := slices.Index(first, s.Member.Name)
	if i < 0 || i > 0 && s.Member.Role == etcd.RoleLeader {
		return len(first)
	}
	return i
}

// usual orders members none of which was left before.
func usual(a, b Step) int {
	return cmp.Or(
		etcd.LeaderLast(a.Member, b.Member),
		cmp.Compare(b.Reclaimable, a.Reclaimable),
	)
}

func reclaimable(m etcd.Member) int64 { return max(0, m.DBSize-m.DBInUse) }

// judge decides on one member. held is the reason that forbids every member.
func judge(m etcd.Member, f Facts, r Rules, held string) (Verdict, string) {
	free, known := f.FreeDisk[m.Name]
	gain := fmt.Sprintf("%s of %s can be given back (%.0f %%)", sizeText(reclaimable(m)), sizeText(m.DBSize), 100*ratio(m))
	switch {
	case f.Done[m.Name]:
		return Done, "it was defragmented in this run"
	case r.Only != "" && r.Only != m.Name:
		return Enough, notAsked
	case m.Learner:
		return Enough, learnerReason(m)
	case m.Err != nil:
		return Left, fmt.Sprintf("it does not answer: %s; start it again, or remove it if it is lost (%s)", oneLine(m.Err), wayOut(m))
	case held != "":
		return Left, held
	case !r.Force && !worthIt(m, f, r):
		return Enough, fmt.Sprintf("below the threshold: %s, and it takes %s and %.0f %%", gain, sizeText(r.MinReclaimable), 100*r.MinRatio)
	case !r.Force && knownBad(m.Version):
		return Left, fmt.Sprintf("etcd %s can corrupt its data when it is defragmented (etcd issue #20271): upgrade to 3.4.38, 3.5.23, 3.6.5 or later, or use --force", m.Version)
	case known && free < need(m):
		return Left, fmt.Sprintf("the disk is too small: %s are needed, and %s are free", sizeText(need(m)), sizeText(free))
	case m.Role == etcd.RoleLeader && !r.MoveLeader && f.Survey.Voters() > 1:
		return Left, "it leads, and defrag.move_leader is off: set it, or hand over by etcdctl move-leader and repeat"
	case r.Only == "" && !quorumWithout(f.Survey) && !stopped(m, f):
		return Left, fmt.Sprintf("without it the others are not a quorum, and the cluster would stop: name it with --member %s in a quiet hour", m.Name)
	}
	return Do, gain
}

// learnerReason is why a learner is not in question, and the way out for one that is no use.
func learnerReason(m etcd.Member) string {
	switch {
	case m.Role == etcd.RoleUnstarted:
		return fmt.Sprintf("it is a learner that was added and never started, and has no vote: start it, or remove it (%s)", wayOut(m))
	case m.Err != nil:
		return fmt.Sprintf("it is a learner, has no vote, and does not answer: %s; start it again, or remove it (%s)", oneLine(m.Err), wayOut(m))
	}
	return "it is a learner, which etcd does not defragment"
}

// stopped reports whether the cluster takes no writes already, for want of space in this very member or because nobody can tell that: then its
// absence costs no writes, and is what brings them back.
func stopped(m etcd.Member, f Facts) bool { return NoSpace(f.Survey) && !BelowQuota(m, f.Quota) }

// worthIt applies the thresholds. While NOSPACE is raised a member over its quota's threshold is worth any gain that can end
// that, for writes depend on it. After a compaction what it tells of its empty space may be old, since that is counted when
// something is written: then it is worth a try.
func worthIt(m etcd.Member, f Facts, r Rules) bool {
	if NoSpace(f.Survey) && !BelowQuota(m, f.Quota) && (f.Compacted || fits(m, f.Quota)) {
		return true
	}
	return reclaimable(m) >= r.MinReclaimable && ratio(m) >= r.MinRatio
}

// notAsked is the reason of a member while another one was named.
const notAsked = "it was not asked for"

func ratio(m etcd.Member) float64 {
	if m.DBSize == 0 {
		return 0
	}
	return float64(reclaimable(m)) / float64(m.DBSize)
}

// need returns the free disk space, in bytes, that a defragmentation takes: the new file beside the old one,
// and a reserve.
func need(m etcd.Member) int64 { return m.DBInUse + m.DBInUse/10 + 16<<20 }

// chooseHeir finds the voter that leads while the leader, at its place in the order, is defragmented. It takes a voter that is
// not defragmented later, so that leadership moves once; among those the one with the least to gain, and then the most advanced.
func chooseHeir(s etcd.Survey, do []Step, leader int) (name, why string) {
	var heirs []etcd.Member
	for _, m := range s.Members {
		if m.Role == etcd.RoleFollower && m.Err == nil {
			heirs = append(heirs, m)
		}
	}
	if len(heirs) == 0 {
		return "", "it leads, and there is no other voter to hand over to"
	}
	turn := func(m etcd.Member) int {
		return slices.IndexFunc(do, func(s Step) bool { return s.Member.ID == m.ID })
	}
	gain := func(m etcd.Member) int64 {
		if turn(m) >= 0 && turn(m) < leader {
			return 0 // it will have been done by then
		}
		return reclaimable(m)
	}
	// 1 for a member whose own turn is still to come then, else 0.
	waits := func(m etcd.Member) int { return min(1, max(0, turn(m)-leader)) }
	return slices.MinFunc(heirs, func(a, b etcd.Member) int {
		return cmp.Or(
			cmp.Compare(waits(a), waits(b)),
			cmp.Compare(gain(a), gain(b)),
			cmp.Compare(b.RaftIndex, a.RaftIndex),
		)
	}).Name, ""
}

// quorumWithout reports whether the remaining voters are a quorum while one of them is away.
func quorumWithout(s etcd.Survey) bool {
	n := s.Voters()
	return n-1 > n/2
}

func round(d time.Duration) time.Duration { return d.Round(time.Second) }

func sizeText(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
