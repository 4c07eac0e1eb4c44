package etcd

import (
	"errors"
	"strings"
	"testing"
)

// three is a healthy survey: a leads, b and c follow, c is one entry behind. Cases spoil it.
func three() Survey {
	member := func(id uint64, name, role string, index uint64) Member {
		return Member{ID: id, Name: name, Endpoint: "https://" + name + ":2379", Role: role, Leader: 1, RaftTerm: 3, RaftIndex: index}
	}
	return Survey{ClusterID: 9, Leader: 1, Members: []Member{
		member(1, "a", RoleLeader, 100), member(2, "b", RoleFollower, 100), member(3, "c", RoleFollower, 99),
	}}
}

func TestChoose(t *testing.T) {
	away := errors.New("connection refused")
	cases := []struct {
		name    string
		source  string
		spoil   func(s *Survey)
		serve   string // names of the candidates in order
		reason  string // in the first candidate's reason
		passed  string // NAME: part of the reason why that member was passed over
		urgent  bool
		lastWay bool
	}{
		{name: "the follower with the least lag", serve: "b c", reason: "a follower, 0 raft entries behind", passed: "a: it is the leader, and a follower can serve"},
		{name: "the other when it lags less", spoil: func(s *Survey) { s.Members[1].RaftIndex = 90 }, serve: "c b", reason: "1 raft entries behind"},
		{name: "local first, though behind", spoil: func(s *Survey) { s.Members[2].Local = true }, serve: "c b", reason: "on this host, 1 raft"},
		{name: "one follower down", spoil: func(s *Survey) { s.Members[1].Err, s.Members[1].Role = away, RoleUnknown }, serve: "c", passed: "b: it does not answer: connection refused"},
		{name: "cut off, sees no leader", spoil: func(s *Survey) { s.Members[1].Leader = 0 }, serve: "c", passed: "b: it sees no leader"},
		{name: "cut off, believes in another leader", spoil: func(s *Survey) { s.Members[1].Leader = 2 }, serve: "c", passed: "b: its leader is 2, and that of the quorum 1"},
		{name: "corrupt", spoil: func(s *Survey) { s.Members[1].Alarms = []string{AlarmCorrupt} }, serve: "c", passed: "b: etcd raised the CORRUPT alarm"},
		{name: "full is no hindrance", spoil: func(s *Survey) { s.Members[1].Alarms = []string{AlarmNoSpace} }, serve: "b c"},
		{name: "learner", spoil: func(s *Survey) { s.Members[1].Role = RoleLearner }, serve: "c", passed: "b: it is a learner"},
		{name: "unstarted", spoil: func(s *Survey) {
			s.Members[1].Role, s.Members[1].Err = RoleUnstarted, errors.New("it was added to the cluster and never started")
		}, serve: "c", passed: "b: it was added to the cluster and never started"},
		{name: "far behind", spoil: func(s *Survey) { s.Members[0].RaftIndex, s.Members[1].RaftIndex = 100_000, 100_000-MaxLag }, serve: "b", passed: "c: it lags 99901 raft entries"},
		{name: "only the leader left", spoil: func(s *Survey) {
			s.Members[1].Alarms, s.Members[2].Alarms = []string{AlarmCorrupt}, []string{AlarmCorrupt}
		}, serve: "a", reason: "no follower can serve", lastWay: true},
		{name: "only the leader left, any", source: SourceAny, spoil: func(s *Survey) {
			s.Members[1].Role, s.Members[2].Role = RoleLearner, RoleLearner
		}, serve: "a", reason: `the source "any" allows`},
		{name: "any prefers a follower all the same", source: SourceAny, spoil: func(s *Survey) { s.Members[0].Local = true }, serve: "b c", passed: "a: it is the leader"},
		{name: "local takes the leader when that is local", source: SourceLocal, spoil: func(s *Survey) { s.Members[0].Local = true }, serve: "a", reason: `the source "local" allows`, passed: "b: it is not on this host"},
		{name: "local and none here", source: SourceLocal, passed: "a: it is not on this host"},
		{name: "no quorum, one here", spoil: func(s *Survey) {
			s.Leader = 0
			s.Members[0].Err, s.Members[1].Err = away, away
			s.Members[2].Leader, s.Members[2].Local = 0, true
		}, serve: "c", reason: "emergency", urgent: true},
		{name: "no quorum, none here", spoil: func(s *Survey) { s.Leader = 0 }, passed: "c: no quorum is seen from here, and it is not on this host"},
		{name: "nobody answers", spoil: func(s *Survey) {
			for i := range s.Members {
				s.Members[i].Err = away
			}
		}, passed: "a: it does not answer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := three()
			if c.spoil != nil {
				c.spoil(&s)
			}
			source := c.source
			if source == "" {
				source = SourceFollower
			}
			candidates, passed, err := Choose(s, source)
			var names []string
			for _, candidate := range candidates {
				names = append(names, candidate.Member.Name)
			}
			if got := strings.Join(names, " "); got != c.serve {
				t.Fatalf("candidates %q, want %q; passed %v", got, c.serve, passed)
			}
			if (err != nil) != (c.serve == "") || err != nil && !errors.Is(err, ErrNoSource) {
				t.Errorf("error %v", err)
			}
			if len(candidates)+len(passed) != len(s.Members) {
				t.Errorf("%d candidates and %d passed of %d members", len(candidates), len(passed), len(s.Members))
			}
			if len(candidates) > 0 {
				first := candidates[0]
				if !strings.Contains(first.Reason, c.reason) || first.Emergency != c.urgent || first.LastResort != c.lastWay {
					t.Errorf("first candidate %+v", first)
				}
			}
			if name, reason, _ := strings.Cut(c.passed, ": "); reason != "" {
				found := false
				for _, p := range passed {
					found = found || p.Name == name && strings.Contains(p.Reason, reason)
				}
				if !found {
					t.Errorf("passed %v lacks %q", passed, c.passed)
				}
			}
		})
	}
}

func TestAgreedLeader(t *testing.T) {
	believes := func(leader, term uint64) Member { return Member{Leader: leader, RaftTerm: term} }
	away := Member{Err: errors.New("away")}
	learner := Member{Leader: 2, RaftTerm: 9, Learner: true}
	cases := []struct {
		name    string
		members []Member
		want    uint64
	}{
		{"all agree", []Member{believes(1, 5), believes(1, 5), believes(1, 5)}, 1},
		{"a majority agrees", []Member{believes(1, 5), believes(1, 5), away}, 1},
		{"half is no majority", []Member{believes(1, 5), away}, 0},
		{"an old leader in an old term", []Member{believes(1, 4), believes(2, 5), believes(2, 5)}, 2},
		{"the same name in two terms", []Member{believes(1, 4), believes(1, 5), away}, 0},
		{"none seen", []Member{believes(0, 5), believes(0, 5), believes(0, 5)}, 0},
		{"learners have no vote", []Member{believes(1, 5), away, away, learner, learner}, 0},
		{"alone", []Member{believes(1, 1)}, 1},
		{"nobody", nil, 0},
	}
	for _, c := range cases {
		if got := agreedLeader(c.members); got != c.want {
			t.Errorf("%s: leader %d, want %d", c.name, got, c.want)
		}
	}
}

func TestIsLocal(t *testing.T) {
	for url, want := range map[string]bool{
		"https://127.0.0.1:2379": true, "https://localhost:2379": true, "http://[::1]:2379": true,
		"https://192.0.2.7:2379": false, "https://etcd.example:2379": false, "::": false,
	} {
		if got := isLocal(url); got != want {
			t.Errorf("isLocal(%q) = %t", url, got)
		}
	}
}
