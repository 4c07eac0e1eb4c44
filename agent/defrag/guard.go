package defrag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/version"
)

// forbidden returns the reason why no member may be taken away now; "" if there is none. While one member is
// away, no second one may be.
func forbidden(f Facts) string {
	if !f.Survey.Quorum() {
		return "no quorum is seen from here"
	}
	if f.Diverged != "" {
		return "the members' data differ: " + f.Diverged
	}
	if f.Removing != "" && !NoSpace(f.Survey) {
		return f.Removing + ": what there is to gain cannot be told yet, repeat later"
	}
	newest := uint64(0)
	for _, m := range f.Survey.Members {
		newest = max(newest, m.RaftIndex)
	}
	for _, m := range f.Survey.Members {
		why := trouble(m, f, newest)
		if m.Learner {
			why = learnerTrouble(m, f, newest)
		}
		if why != "" {
			return "member " + m.Name + " " + why
		}
	}
	return ""
}

// oneLine is an error that may be several joined ones, as a part of a sentence.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// wayOut is the command that takes a member out of the cluster.
func wayOut(m etcd.Member) string { return "etcdctl member remove " + etcd.HexID(m.ID) }

// learnerTrouble says why nobody may be taken away because of this learner. It has no vote, so that one which is away takes nothing from the
// quorum. One that is catching up needs the members that serve it; while no writes are taken it misses nothing.
func learnerTrouble(m etcd.Member, f Facts, newest uint64) string {
	lag := newest - m.RaftIndex
	switch {
	case slices.Contains(m.Alarms, etcd.AlarmCorrupt):
		return "has the alarm CORRUPT"
	case m.Err == nil && lag > etcd.MaxLag && !NoSpace(f.Survey):
		return fmt.Sprintf("is a learner that is catching up, %d raft entries behind: wait for it; if it never arrives, remove it (%s)", lag, wayOut(m))
	}
	return ""
}

// trouble says why nobody may be taken away because of this voter.
func trouble(m etcd.Member, f Facts, newest uint64) string {
	lag := newest - m.RaftIndex
	switch {
	case f.Survey.Stray(etcd.AlarmCorrupt):
		return "is in a cluster that has the alarm CORRUPT, raised for a member that no longer exists: find out why, then etcdctl alarm disarm"
	case m.Role == etcd.RoleUnstarted:
		return fmt.Sprintf("was added and never started, and counts for the quorum: start it, or remove it (%s)", wayOut(m))
	case m.Err != nil:
		return fmt.Sprintf("does not answer: %s; start it again, or remove it if it is lost (%s)", oneLine(m.Err), wayOut(m))
	case f.Silent[m.Name] != nil:
		return "does not read its database, as while it is defragmented: " + f.Silent[m.Name].Error()
	case slices.Contains(m.Alarms, etcd.AlarmCorrupt):
		return "has the alarm CORRUPT"
	case m.Leader != f.Survey.Leader:
		return "sees another leader than the quorum, or none"
	case lag > etcd.MaxLag || m.RaftIndex-min(m.RaftApplied, m.RaftIndex) > etcd.MaxLag:
		return fmt.Sprintf("lags %d raft entries behind", max(lag, m.RaftIndex-min(m.RaftApplied, m.RaftIndex)))
	case f.OpenSnapshots[m.Name] > 0:
		return fmt.Sprintf("serves open snapshots (%d), for which a defragmentation would wait while writers stall", f.OpenSnapshots[m.Name])
	}
	return ""
}

// NoSpace reports whether a member is over its quota, so that the cluster accepts no writes.
func NoSpace(s etcd.Survey) bool {
	return s.Stray(etcd.AlarmNoSpace) || slices.ContainsFunc(s.Members, func(m etcd.Member) bool { return slices.Contains(m.Alarms, etcd.AlarmNoSpace) })
}

// quotaShare is the share of its quota that a member may use for the alarm to be cleared. With more, the
// alarm would soon be raised again.
const quotaShare = 0.9

// QuotaOf returns a member's quota in bytes; 0 if it is not known.
func QuotaOf(m etcd.Member, told map[string]int64) int64 { return cmp.Or(told[m.Name], m.Quota) }

// BelowQuota reports whether a member is so far below its quota that it can accept writes again. If its quota is not
// known, the answer is no.
func BelowQuota(m etcd.Member, quota map[string]int64) bool {
	return m.Err == nil && float64(m.DBSize) < quotaShare*float64(QuotaOf(m, quota))
}

// fits reports whether a member would be below its quota if all of its empty space were given back. If its quota is not known,
// the present size of the file is taken for it.
func fits(m etcd.Member, quota map[string]int64) bool {
	return float64(m.DBInUse) < quotaShare*float64(cmp.Or(QuotaOf(m, quota), m.DBSize))
}

// knownBad reports whether a version's defragmentation is known to be able to corrupt the member's data (etcd issue #20271): those
// before 3.4.38, 3.5.23 and 3.6.5. A version that cannot be read counts as one of them.
func knownBad(text string) bool {
	v, err := version.Parse(text)
	if err != nil || v.Major < 3 {
		return true
	}
	for _, sound := range []version.Version{{Major: 3, Minor: 4, Patch: 38}, {Major: 3, Minor: 5, Patch: 23}, {Major: 3, Minor: 6, Patch: 5}} {
		if v.Release() == sound.Release() {
			return v.Older(sound)
		}
	}
	return v.Older(version.Version{Major: 3, Minor: 7})
}
