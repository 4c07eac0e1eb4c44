package etcd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Sources of a snapshot, as the configuration names them.
const (
	SourceFollower = "follower" // a follower; the leader only if there is no follower, and said so
	SourceLocal    = "local"    // the member on this host, in whatever role
	SourceAny      = "any"      // a follower; the leader only if there is no follower
)

// MaxLag is how many raft entries a member may be behind the most advanced one and still serve a snapshot. A
// busy Kubernetes cluster writes some hundred entries a second.
const MaxLag = 5000

// ErrNoSource means that no member may serve a snapshot now. The error gives the reason for each member.
var ErrNoSource = errors.New("no member can serve a snapshot")

// Candidate is a member that may serve, with the reason for its place in the order.
type Candidate struct {
	Member Member
	Reason string
	// Emergency means that this host sees no quorum, so that the member may lack the newest writes.
	Emergency bool
	// LastResort means that the policy asks for a follower and there is none.
	LastResort bool
}

// Passed is a member that may not serve, with the reason.
type Passed struct {
	Name   string
	Reason string
}

// Choose returns the members that may serve a snapshot, the best first, and the reason against every other
// one. It depends on nothing but the survey.
//
// A candidate is a started voter that answers, agrees with the quorum on the leader, has no CORRUPT alarm, and
// lags little. Followers come before the leader, and members of this host before others (the bytes stay on the
// host); then the least lag decides. If there is no quorum, a member of this host may serve as an emergency.
func Choose(s Survey, source string) ([]Candidate, []Passed, error) {
	newest := uint64(0)
	for _, m := range s.Members {
		newest = max(newest, m.RaftIndex)
	}
	var candidates []Candidate
	var passed []Passed
	for _, m := range s.Members {
		lag := newest - m.RaftIndex
		if why := unfit(m, s, source, lag); why != "" {
			passed = append(passed, Passed{m.Name, why})
			continue
		}
		candidates = append(candidates, candidate(m, s, source, lag))
	}
	slices.SortStableFunc(candidates, func(a, b Candidate) int {
		return cmp.Or(
			LeaderLast(a.Member, b.Member),
			rank(!a.Member.Local, !b.Member.Local),
			cmp.Compare(b.Member.RaftIndex, a.Member.RaftIndex),
		)
	})
	// The leader serves only if no other member can.
	if n := len(candidates); n > 1 && candidates[n-1].Member.Role == RoleLeader {
		passed = append(passed, Passed{candidates[n-1].Member.Name, "it is the leader, and a follower can serve"})
		candidates = candidates[:n-1]
	}
	if len(candidates) == 0 {
		var reasons error
		for _, p := range passed {
			reasons = errors.Join(reasons, fmt.Errorf("%s: %s", p.Name, p.Reason))
		}
		return nil, passed, fmt.Errorf("%w: %w", ErrNoSource, reasons)
	}
	return candidates, passed, nil
}

// LeaderLast orders two members as [slices.SortFunc] wants it: whoever leads comes last.
func LeaderLast(a, b Member) int { return rank(a.Role == RoleLeader, b.Role == RoleLeader) }

// rank orders false before true.
func rank(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// unfit returns why a member may not serve at all; "" if it may.
func unfit(m Member, s Survey, source string, lag uint64) string {
	switch {
	case m.Role == RoleUnstarted:
		return m.Err.Error()
	case m.Err != nil:
		return "it does not answer: " + m.Err.Error()
	case m.Role == RoleLearner:
		return "it is a learner, which may lack data"
	case slices.Contains(m.Alarms, AlarmCorrupt):
		return "etcd raised the CORRUPT alarm for it"
	case source == SourceLocal && !m.Local:
		return "it is not on this host, and the source is local"
	case !s.Quorum() && !m.Local:
		return "no quorum is seen from here, and it is not on this host"
	case s.Quorum() && m.Leader == 0:
		return "it sees no leader: it is cut off from the quorum"
	case s.Quorum() && m.Leader != s.Leader:
		return fmt.Sprintf("its leader is %s, and that of the quorum %s", HexID(m.Leader), HexID(s.Leader))
	case s.Quorum() && lag > MaxLag:
		return fmt.Sprintf("it lags %d raft entries behind", lag)
	}
	return ""
}

// candidate adds the reason in words.
func candidate(m Member, s Survey, source string, lag uint64) Candidate {
	c := Candidate{Member: m, Emergency: !s.Quorum()}
	switch {
	case c.Emergency:
		c.Reason = "emergency: no quorum is seen from here; it is the member on this host"
	case m.Role == RoleLeader && source == SourceFollower:
		c.LastResort = true
		c.Reason = "it is the leader, and no follower can serve"
	case m.Role == RoleLeader:
		c.Reason = fmt.Sprintf("it is the leader, which the source %q allows", source)
	case m.Local:
		c.Reason = fmt.Sprintf("a follower on this host, %d raft entries behind", lag)
	default:
		c.Reason = fmt.Sprintf("a follower, %d raft entries behind", lag)
	}
	return c
}
