package backup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/ballot"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// verdict is what the comparison of a snapshot with the live members gave.
type verdict struct {
	// check is the outcome; nil if nothing follows from the answers, and open then says why.
	check *snapshot.Check
	open  *snapshot.Open
	// odd are the members that hold other data than the majority.
	odd []snapshot.OddMember
	// sound names the members that hold the majority's data, if the snapshot does not.
	sound []string
}

// into writes the verdict into a manifest.
func (v verdict) into(m *snapshot.Manifest) {
	if v.check != nil {
		m.Checks = append(m.Checks, *v.check)
	}
	if v.open != nil {
		m.Inconclusive = append(m.Inconclusive, *v.open)
	}
	m.OddMembers = v.odd
}

// compareHash is level 3: does another member than the source hold the data of the snapshot? The source is no witness of itself. It asks the
// other followers; if none of them can tell, the leader, once. If an answer differs from the snapshot, it asks every voter, so that the
// majority tells who is wrong: the snapshot, or a member.
func (s *Snapshotter) compareHash(ctx context.Context, survey etcd.Survey, c etcd.Candidate, facts snapshot.Facts, path string) verdict {
	p := &poll{Snapshotter: s, source: c.Member.Name, facts: facts, path: path}
	if c.Emergency {
		return p.inconclusive("no quorum is seen, and nobody was asked")
	}
	leader := survey.LeaderMember()
	for _, m := range survey.Members {
		if m.ID != c.Member.ID && m.ID != leader.ID && !m.Learner {
			p.ask(ctx, m)
		}
	}
	if len(p.votes) == 0 && leader.ID != c.Member.ID {
		p.ask(ctx, leader)
	}
	defer p.keepPace()
	switch {
	case len(p.votes) == 0:
		return p.inconclusive(p.nobody(survey))
	case !p.differ():
		return verdict{check: &snapshot.Check{Name: snapshot.CheckHashKV, OK: true, Detail: p.tally()}}
	}
	for _, m := range survey.Members {
		if !m.Learner && !p.asked[m.ID] {
			p.ask(ctx, m)
		}
	}
	return p.decide(survey)
}

// nobody says why no member could confirm the snapshot.
func (p *poll) nobody(survey etcd.Survey) string {
	if survey.Voters() < 2 {
		return "the cluster has one member, and it is the source: nobody else was asked"
	}
	if len(p.silent) == 0 {
		return "nobody else was asked"
	}
	return fmt.Sprintf("%d members asked, none could tell: %s", len(p.asked), strings.Join(p.silent, "; "))
}

func (p *poll) inconclusive(why string) verdict {
	p.Log.Info("hash not compared", "reason", why)
	return verdict{open: &snapshot.Open{Name: snapshot.CheckHashKV, Detail: snapshot.Printable(why)}}
}

// tally says how many were asked, answered and agreed.
func (p *poll) tally() string {
	var equal []string
	for _, v := range p.votes {
		switch {
		case v.Data != sameAsSnapshot:
		case v.Member == p.source:
			equal = append(equal, v.Member+" (the source)")
		default:
			equal = append(equal, v.Member)
		}
	}
	text := fmt.Sprintf("equal on %d of %d members asked (%d answered)", len(equal), len(p.asked), len(p.votes))
	if len(equal) > 0 {
		text += ": " + strings.Join(equal, ", ")
	}
	if len(p.silent) > 0 {
		text += "; not compared: " + strings.Join(p.silent, "; ")
	}
	return snapshot.Printable(text)
}

// decide finds out who is wrong, once all were asked.
func (p *poll) decide(survey etcd.Survey) verdict {
	check := &snapshot.Check{Name: snapshot.CheckHashKV, Detail: p.tally()}
	v := verdict{check: check}
	majority, odd, found := ballot.Majority(p.votes, survey.Voters())
	if !found {
		check.Detail += fmt.Sprintf("; the members' data differ at revision %d, and no majority of %d voters tells which are right: %s",
			p.facts.HashKV.Revision, survey.Voters(), p.sides())
		p.Log.Error(messageDiffers, "member", p.source, "reason", check.Detail)
		return v
	}
	for _, o := range odd {
		i := slices.IndexFunc(survey.Members, func(m etcd.Member) bool { return m.Name == o.Member })
		v.odd = append(v.odd, snapshot.OddMember{Name: snapshot.Printable(o.Member), ID: etcd.HexID(survey.Members[i].ID),
			Detail: snapshot.Printable(fmt.Sprintf("its data at revision %d differ from those of %d of %d voters (%s)",
				p.facts.HashKV.Revision, len(majority.Members), survey.Voters(), majority))})
		p.Log.Error("a member's data differ from the majority's", "member", o.Member, "revision", p.facts.HashKV.Revision, "reason", v.odd[len(v.odd)-1].Detail)
	}
	if check.OK = majority.Data == sameAsSnapshot; check.OK {
		check.Detail += snapshot.Printable(fmt.Sprintf("; these are a majority of %d voters, whose data differ from those of %s", survey.Voters(), names(v.odd)))
		return v
	}
	v.sound = majority.Members
	check.Detail += snapshot.Printable(fmt.Sprintf("; it differs from the majority of %d voters at revision %d: %s", survey.Voters(), p.facts.HashKV.Revision, majority))
	p.Log.Error(messageDiffers, "member", p.source, "reason", check.Detail)
	return v
}

// messageDiffers is the event of a snapshot that no majority confirms.
const messageDiffers = "snapshot differs from live members"

// sides names who agrees with whom.
func (p *poll) sides() string {
	var sides []string
	for _, party := range ballot.Parties(p.votes) {
		side := party.String()
		if party.Data == sameAsSnapshot {
			side += " (as the snapshot)"
		}
		sides = append(sides, side)
	}
	return snapshot.Printable(strings.Join(sides, " against "))
}

func names(odd []snapshot.OddMember) string {
	all := make([]string, len(odd))
	for i, o := range odd {
		all[i] = o.Name
	}
	return strings.Join(all, ", ")
}
