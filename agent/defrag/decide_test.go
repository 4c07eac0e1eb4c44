package defrag

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
)

var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

const gib = 1 << 30

// calm is a cluster of three in which every member is worth it: m1 leads, m2 has the most to gain.
func calm() Facts {
	member := func(id uint64, role string, size, inUse int64) etcd.Member {
		return etcd.Member{ID: id, Name: fmt.Sprintf("m%d", id), Role: role, Leader: 1, Version: "3.6.16", RaftIndex: 1000, RaftApplied: 1000,
			DBSize: size, DBInUse: inUse, Quota: 8 * gib}
	}
	return Facts{
		Survey: etcd.Survey{Leader: 1, Members: []etcd.Member{
			member(1, etcd.RoleLeader, 4*gib, gib), member(2, etcd.RoleFollower, 3*gib, gib), member(3, etcd.RoleFollower, 2*gib, gib),
		}},
		Pace: Pace{{Bytes: gib, Seconds: 10}}, Now: now, Closes: now.Add(2 * time.Hour),
	}
}

var usualRules = Rules{MinReclaimable: 100 << 20, MinRatio: 0.2, MoveLeader: true, Pause: 30 * time.Second}

// told shows a plan as "m2 defragment, m3 left".
func told(p Plan) string {
	var parts []string
	for _, s := range p.Steps {
		parts = append(parts, s.Member.Name+" "+string(s.Verdict))
	}
	return strings.Join(parts, ", ")
}

const (
	allDone  = "m2 defragment, m3 defragment, m1 defragment"
	noneDone = "m1 left, m2 left, m3 left"
)

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name  string
		facts func(*Facts)
		rules func(*Rules)
		want  string
		// say is part of the reason of the member named first, in "m1: reason".
		say string
	}{
		{name: "followers first, the most to gain first, the leader last", want: allDone, say: "m2: 2048.0 MiB of 3072.0 MiB"},
		{name: "the leader hands over", want: allDone, say: "m1: hands over to m"},

		{name: "unhealthy peer", want: noneDone, say: "m1: member m3 does not answer: connection refused",
			facts: func(f *Facts) {
				f.Survey.Members[2] = etcd.Member{ID: 3, Name: "m3", Role: etcd.RoleUnknown, Err: errors.New("connection refused")}
			}},
		{name: "the unhealthy one itself", want: noneDone, say: "m3: it does not answer: connection refused",
			facts: func(f *Facts) {
				f.Survey.Members[2] = etcd.Member{ID: 3, Name: "m3", Role: etcd.RoleUnknown, Err: errors.New("connection refused")}
			}},
		{name: "peer that sees no leader", want: noneDone, say: "m1: member m3 sees another leader",
			facts: func(f *Facts) { f.Survey.Members[2].Leader = 0 }},
		{name: "peer that lags", want: noneDone, say: "m1: member m3 lags 5001 raft entries behind",
			facts: func(f *Facts) {
				f.Survey.Members[0].RaftIndex, f.Survey.Members[0].RaftApplied = 6001, 6001
				f.Survey.Members[1].RaftIndex, f.Survey.Members[1].RaftApplied = 6001, 6001
			}},
		{name: "peer that does not apply", want: noneDone, say: "m1: member m3 lags 5001 raft entries behind",
			facts: func(f *Facts) { f.Survey.Members[2].RaftIndex, f.Survey.Members[2].RaftApplied = 6000, 999 }},
		{name: "peer that defragments for somebody else", want: noneDone, say: "m1: member m3 does not read its database",
			facts: func(f *Facts) { f.Silent = map[string]error{"m3": errors.New("deadline exceeded")} }},
		{name: "unstarted member", want: noneDone + ", m4 left", say: "m1: member m4 was added and never started",
			facts: func(f *Facts) {
				f.Survey.Members = append(f.Survey.Members, etcd.Member{ID: 4, Name: "m4", Role: etcd.RoleUnstarted, Err: errors.New("never started")})
			}},
		{name: "learner that is catching up", want: "m1 left, m2 left, m3 left, m4 enough", say: "m1: member m4 is a learner that is catching up, 99000 raft entries behind",
			facts: func(f *Facts) {
				for i := range f.Survey.Members {
					f.Survey.Members[i].RaftIndex, f.Survey.Members[i].RaftApplied = 100000, 100000
				}
				f.Survey.Members = append(f.Survey.Members, etcd.Member{ID: 4, Name: "m4", Role: etcd.RoleLearner, Learner: true, Leader: 1, RaftIndex: 1000, RaftApplied: 1000})
			}},
		{name: "learner that has caught up", want: allDone + ", m4 enough", say: "m4: it is a learner",
			facts: func(f *Facts) {
				f.Survey.Members = append(f.Survey.Members, etcd.Member{ID: 4, Name: "m4", Role: etcd.RoleLearner, Learner: true, Leader: 1, RaftIndex: 1000, RaftApplied: 1000})
			}},
		{name: "CORRUPT", want: noneDone, say: "m2: member m3 has the alarm CORRUPT",
			facts: func(f *Facts) { f.Survey.Members[2].Alarms = []string{etcd.AlarmCorrupt} }},
		{name: "NOSPACE does not hold it", want: allDone,
			facts: func(f *Facts) { f.Survey.Members[2].Alarms = []string{etcd.AlarmNoSpace} }},
		{name: "open snapshot", want: noneDone, say: "m2: member m3 serves open snapshots (1)",
			facts: func(f *Facts) { f.OpenSnapshots = map[string]int{"m3": 1} }},
		{name: "no quorum", want: noneDone, say: "m1: no quorum is seen from here",
			facts: func(f *Facts) { f.Survey.Leader = 0 }},
		{name: "hash mismatch", want: noneDone, say: "m1: the members' data differ: m2 is odd",
			facts: func(f *Facts) { f.Diverged = "m2 is odd" }},

		{name: "members still remove what was compacted", want: noneDone, say: "m1: still at it: what there is to gain cannot be told yet",
			facts: func(f *Facts) { f.Removing = "still at it" }},
		{name: "members still remove what was compacted, with NOSPACE", want: "m2 defragment, m3 defragment, m1 defragment",
			facts: func(f *Facts) { f.Removing = "still at it"; f.Survey.Members = overQuota(f) }},
		{name: "short disk", want: "m3 defragment, m1 defragment, m2 left", say: "m2: the disk is too small: 1142.4 MiB are needed, and 1024.0 MiB are free",
			facts: func(f *Facts) { f.FreeDisk = map[string]int64{"m2": gib} }},
		{name: "disk that suffices", want: allDone, facts: func(f *Facts) { f.FreeDisk = map[string]int64{"m2": 2 * gib} }},
		{name: "old version", want: "m3 defragment, m1 defragment, m2 left", say: "m2: etcd 3.6.4 can corrupt its data when it is defragmented (etcd issue #20271)",
			facts: func(f *Facts) { f.Survey.Members[1].Version = "3.6.4" }},
		{name: "old version, forced", want: allDone, rules: func(r *Rules) { r.Force = true },
			facts: func(f *Facts) { f.Survey.Members[1].Version = "3.6.4" }},
		{name: "below the bytes", want: "m2 defragment, m1 defragment, m3 enough", say: "m3: below the threshold",
			facts: func(f *Facts) { f.Survey.Members[2].DBInUse = 2*gib - 99<<20 }},
		{name: "below the ratio", want: "m2 defragment, m1 defragment, m3 enough", say: "m3: below the threshold",
			facts: func(f *Facts) { f.Survey.Members[2].DBInUse = 2*gib - 401<<20 }},
		{name: "below the threshold, forced", want: allDone, rules: func(r *Rules) { r.Force = true },
			facts: func(f *Facts) { f.Survey.Members[2].DBInUse = 2*gib - 1 }},
		{name: "below the threshold, with NOSPACE and over the quota, once compacted", want: allDone,
			facts: func(f *Facts) {
				f.Compacted = true
				f.Survey.Members[2].DBInUse, f.Survey.Members[2].Quota = 2*gib-50<<20, 2*gib
				f.Survey.Members[2].Alarms = []string{etcd.AlarmNoSpace}
			}},
		{name: "below the threshold, with NOSPACE, and gains enough to be below the quota", want: allDone, rules: func(r *Rules) { r.MinReclaimable = 1 << 40 },
			facts: func(f *Facts) {
				for i := range f.Survey.Members {
					f.Survey.Members[i].Quota = 2 * gib
				}
				f.Survey.Members[2].DBInUse = gib * 17 / 10
				f.Survey.Members[2].Alarms = []string{etcd.AlarmNoSpace}
			}},
		{name: "nothing to gain, with NOSPACE", want: "m1 enough, m2 enough, m3 enough", say: "m1: below the threshold", facts: fullOfData},
		{name: "nothing to gain, with NOSPACE and a quota that is not known", want: "m1 enough, m2 enough, m3 enough",
			facts: func(f *Facts) {
				fullOfData(f)
				for i := range f.Survey.Members {
					f.Survey.Members[i].Quota = 0
				}
			}},

		{name: "leadership stays", want: "m2 defragment, m3 defragment, m1 left", say: "m1: it leads, and defrag.move_leader is off",
			rules: func(r *Rules) { r.MoveLeader = false }},
		{name: "one member asked for", want: "m3 defragment, m1 enough, m2 enough", say: "m1: it was not asked for",
			rules: func(r *Rules) { r.Only = "m3" }},
		{name: "who was left comes first", want: "m3 defragment, m2 defragment, m1 defragment", facts: func(f *Facts) { f.First = []string{"m3"} }},
		{name: "a leader that was left comes first", want: "m1 defragment, m2 defragment, m3 defragment", say: "m1: hands over to m3",
			facts: func(f *Facts) { f.First = []string{"m1"} }},
		{name: "a leader that was left with others still comes last", want: "m3 defragment, m2 defragment, m1 defragment",
			facts: func(f *Facts) { f.First = []string{"m3", "m1"} }},
		{name: "those that were left keep their order", want: "m3 defragment, m2 defragment, m1 defragment",
			facts: func(f *Facts) { f.First = []string{"m3", "m2"} }},
		{name: "what is done stays done", want: "m3 defragment, m1 defragment, m2 done",
			facts: func(f *Facts) { f.Done = map[string]bool{"m2": true} }},

		{name: "a window for two", want: "m2 defragment, m3 defragment, m1 left", say: "m1: the window is too short: it closes in 3m0s, and this member would be done in 3m",
			facts: func(f *Facts) { f.Closes = now.Add(180 * time.Second) }},
		{name: "a window for the last one", want: allDone, facts: func(f *Facts) { f.Closes = now.Add(202 * time.Second) }},
		{name: "no window", want: allDone, facts: func(f *Facts) { f.Closes = time.Time{} }},
		{name: "nothing measured yet", want: "m3 defragment, m1 left, m2 left", say: "m2: the window is too short",
			facts: func(f *Facts) { f.Pace, f.Closes = nil, now.Add(5*time.Minute) }},

		{name: "too slow by its only measurement", want: noneDone, say: "m2: --member m2",
			facts: func(f *Facts) {
				f.Pace, f.Closes = Pace{{Bytes: gib, Seconds: 45}}, now.Add(2*time.Minute)
			}},
		{name: "too slow by its only measurement, and windows were missed for it", want: "m2 defragment, m1 left, m3 left",
			facts: func(f *Facts) {
				f.Pace, f.Closes = Pace{{Bytes: gib, Seconds: 45, Missed: 2}}, now.Add(2*time.Minute)
			}},
		{name: "one try in a window", want: "m1 left, m2 done, m3 left",
			facts: func(f *Facts) {
				f.Done = map[string]bool{"m2": true}
				f.Pace, f.Closes = Pace{{Bytes: gib, Seconds: 45, Missed: 2}}, now.Add(2*time.Minute)
			}},
		{name: "snapshots that cannot be seen", want: allDone, say: "m3: open snapshots cannot be seen on m3: no metrics there",
			facts: func(f *Facts) { f.Unseen = map[string]error{"m3": errors.New("no metrics there")} }},
		{name: "snapshots that cannot be seen on one that is late", want: "m2 defragment, m3 defragment, m1 left", say: "m1: open snapshots cannot be seen on m1",
			facts: func(f *Facts) {
				f.Unseen, f.Closes = map[string]error{"m1": errors.New("no metrics there")}, now.Add(180*time.Second)
			}},

		{name: "two voters", want: "m1 left, m2 left", say: "m2: without it the others are not a quorum",
			facts: func(f *Facts) { f.Survey.Members = f.Survey.Members[:2] }},
		{name: "two voters, one named", want: "m1 defragment, m2 enough", say: "m1: hands over to m2",
			facts: func(f *Facts) { f.Survey.Members = f.Survey.Members[:2] }, rules: func(r *Rules) { r.Only = "m1" }},
		{name: "a voter and a learner, the voter named", want: "m1 defragment, m2 enough", rules: func(r *Rules) { r.Only, r.MoveLeader = "m1", false },
			facts: voterAndLearner},
		{name: "a voter and a learner", want: "m1 left, m2 enough", say: "m1: name it with --member m1", facts: voterAndLearner},
		{name: "a single member, with NOSPACE", want: "m1 defragment", facts: func(f *Facts) { f.Survey.Members = overQuota(f)[:1] }},
		{name: "two voters, with NOSPACE", want: "m2 defragment, m1 defragment", say: "m1: hands over to m2",
			facts: func(f *Facts) { f.Survey.Members = overQuota(f)[:2] }},
		{name: "two voters, with NOSPACE, one below its quota", want: "m1 defragment, m2 left", say: "m2: without it the others are not a quorum",
			facts: func(f *Facts) {
				f.Survey.Members = overQuota(f)[:2]
				f.Survey.Members[1].Quota = 100 * gib
			}},
		{name: "a single member, with NOSPACE of one that is gone", want: "m1 left", say: "m1: name it with --member m1",
			facts: func(f *Facts) {
				f.Survey.Members = f.Survey.Members[:1]
				f.Survey.Strays = []etcd.Alarm{{Member: 9, Kind: etcd.AlarmNoSpace}}
			}},
		{name: "leadership stays, with NOSPACE", want: "m2 defragment, m3 defragment, m1 left", say: "m1: etcdctl move-leader",
			rules: func(r *Rules) { r.MoveLeader = false }, facts: func(f *Facts) { f.Survey.Members = overQuota(f) }},
		{name: "learner that never started", want: allDone + ", m4 enough", say: "m4: etcdctl member remove 4", facts: func(f *Facts) { withLearner(f, etcd.RoleUnstarted, 0) }},
		{name: "learner that is dead", want: allDone + ", m4 enough", say: "m4: etcdctl member remove 4", facts: func(f *Facts) { withLearner(f, etcd.RoleUnknown, 0) }},
		{name: "learner that does not read its database", want: allDone + ", m4 enough", facts: func(f *Facts) {
			withLearner(f, etcd.RoleLearner, 1000)
			f.Silent = map[string]error{"m4": errors.New("deadline exceeded")}
		}},
		{name: "learner with CORRUPT", want: "m1 left, m2 left, m3 left, m4 enough", say: "m1: member m4 has the alarm CORRUPT", facts: func(f *Facts) {
			withLearner(f, etcd.RoleLearner, 1000)
			f.Survey.Members[3].Alarms = []string{etcd.AlarmCorrupt}
		}},
		{name: "learner that is catching up, way out", want: "m1 left, m2 left, m3 left, m4 enough", say: "m1: etcdctl member remove 4", facts: behind},
		{name: "learner that is catching up, with NOSPACE", want: allDone + ", m4 enough", facts: func(f *Facts) { behind(f); f.Survey.Members = overQuota(f) }},
		{name: "dead voter beside a dead learner", want: "m1 left, m2 left, m3 left, m4 enough", say: "m1: member m3 does not answer: refused; start it again, or remove it if it is lost (etcdctl member remove 3)",
			facts: func(f *Facts) {
				withLearner(f, etcd.RoleUnknown, 0)
				f.Survey.Members[2] = etcd.Member{ID: 3, Name: "m3", Role: etcd.RoleUnknown, Err: errors.New("refused")}
			}},

		{name: "a single member", want: "m1 left", say: "m1: name it with --member m1",
			facts: func(f *Facts) { f.Survey.Members = f.Survey.Members[:1] }},
		{name: "a single member, named", want: "m1 defragment", rules: func(r *Rules) { r.Only = "m1" },
			facts: func(f *Facts) { f.Survey.Members = f.Survey.Members[:1] }},
	} {
		t.Run(test.name, func(t *testing.T) {
			facts, rules := calm(), usualRules
			if test.facts != nil {
				test.facts(&facts)
			}
			if test.rules != nil {
				test.rules(&rules)
			}
			plan := Decide(facts, rules)
			if got := told(plan); got != test.want {
				t.Errorf("plan is %s\n    want %s", got, test.want)
			}
			name, reason, _ := strings.Cut(test.say, ": ")
			for _, s := range plan.Steps {
				if s.Reason == "" {
					t.Errorf("%s has no reason", s.Member.Name)
				}
				if s.Member.Name == name && !strings.Contains(s.Reason, reason) {
					t.Errorf("reason of %s is %q, want %q", name, s.Reason, reason)
				}
			}
			if next, more := plan.Next(); more != strings.Contains(test.want, "defragment") || more && !strings.HasPrefix(test.want, next.Member.Name) {
				t.Errorf("next is %s, %t", next.Member.Name, more)
			}
		})
	}
}

func TestHeirIsOneThatIsDone(t *testing.T) {
	f := calm()
	f.FreeDisk = map[string]int64{"m3": 1} // it stays as it is, and m2 is done by then
	plan := Decide(f, usualRules)
	if last := plan.Steps[1]; last.Member.Name != "m1" || last.Heir != "m2" {
		t.Errorf("%s hands over to %q", last.Member.Name, last.Heir)
	}
}

func TestWaiting(t *testing.T) {
	f := calm()
	f.Survey.Leader = 0 // nobody may be disturbed
	for _, test := range []struct{ before, want string }{{"", "m2 m3 m1"}, {"m3", "m3 m2 m1"}, {"m1", "m1 m2 m3"}, {"m3 m1", "m3 m2 m1"}, {"m9", "m2 m3 m1"}} {
		f.First = strings.Fields(test.before)
		if got := strings.Join(Decide(f, usualRules).Waiting(f.First), " "); got != test.want {
			t.Errorf("after %q: %s, want %s", test.before, got, test.want)
		}
	}
}

func TestKnownBad(t *testing.T) {
	for version, want := range map[string]bool{
		"3.3.27": true, "3.4.37": true, "3.4.38": false, "3.5.22": true, "3.5.23": false, "3.6.4": true, "3.6.5": false,
		"3.7.0": false, "4.0.0": false, "3.6.0-rc.1": true, "": true, "main": true, "2.3.8": true,
	} {
		if got := knownBad(version); got != want {
			t.Errorf("%q is bad: %t, want %t", version, got, want)
		}
	}
}

// fullOfData is a cluster whose members are over their quota by data alone.
func fullOfData(f *Facts) {
	for i := range f.Survey.Members {
		m := &f.Survey.Members[i]
		m.DBSize, m.DBInUse, m.Quota = 2*gib, 2*gib-1<<20, 2*gib
		m.Alarms = []string{etcd.AlarmNoSpace}
	}
}

// overQuota gives the members with the alarm, and so much in their files that it was raised.
func overQuota(f *Facts) []etcd.Member {
	for i := range f.Survey.Members {
		m := &f.Survey.Members[i]
		m.Quota, m.Alarms = m.DBSize, []string{etcd.AlarmNoSpace}
	}
	return f.Survey.Members
}

// withLearner adds a learner, m4; it answers only in the role of one.
func withLearner(f *Facts, role string, raft uint64) {
	m := etcd.Member{ID: 4, Name: "m4", Role: role, Learner: true, Leader: 1, RaftIndex: raft, RaftApplied: raft}
	if role != etcd.RoleLearner {
		m.Err = errors.New("refused")
	}
	f.Survey.Members = append(f.Survey.Members, m)
}

// behind adds a learner that is catching up.
func behind(f *Facts) {
	for i := range f.Survey.Members {
		f.Survey.Members[i].RaftIndex, f.Survey.Members[i].RaftApplied = 100000, 100000
	}
	withLearner(f, etcd.RoleLearner, 1000)
}

// voterAndLearner is a cluster of one voter, which leads, and one learner that has caught up.
func voterAndLearner(f *Facts) {
	f.Survey.Members = f.Survey.Members[:2]
	f.Survey.Members[1].Role, f.Survey.Members[1].Learner = etcd.RoleLearner, true
}

func TestPace(t *testing.T) {
	took := func(seconds ...float64) (p Pace) {
		for _, s := range seconds {
			p = p.With(Sample{Bytes: 150 << 20, Seconds: s})
		}
		return p
	}
	for _, test := range []struct {
		name string
		pace Pace
		want time.Duration // for 300 MiB
	}{
		{"nothing measured", nil, 32 * time.Second},
		{"one sample", took(10), 32 * time.Second},
		{"two samples", took(10, 1), 32 * time.Second},
		{"one outlier of three", took(45.6, 0.8, 3), 11 * time.Second},
		{"one outlier of nine", took(1, 1, 1, 1, 1, 1, 1, 1, 45.6), 5 * time.Second},
		{"two that agree are none", took(1, 40, 1, 40), 122 * time.Second},
		{"all slow", took(40, 40, 40, 40, 40), 122 * time.Second},
		{"old ones are forgotten", took(40, 40, 1, 1, 1, 1, 1, 1, 1, 1, 1), 5 * time.Second},
		{"small files", Pace{{Bytes: 1 << 20, Seconds: 0.1}, {Bytes: 1, Seconds: 0.1}, {Bytes: 1 << 10, Seconds: 0.1}}, 4812500 * time.Microsecond},
	} {
		if got := test.pace.Estimate(300 << 20); got.Round(time.Microsecond) != test.want {
			t.Errorf("%s: the estimate is %s, want %s", test.name, got, test.want)
		}
		if got, want := test.pace.Hope(300<<20), test.pace.Estimate(300<<20); got != want {
			t.Errorf("%s: before a window is missed %s are hoped for, want %s", test.name, got, want)
		}
	}
}

// TestPaceDoubt checks that an estimate that blocks every member is reduced step by step, and for one try only.
func TestPaceDoubt(t *testing.T) {
	for name, p := range map[string]Pace{
		"nothing measured": nil,
		"one slow":         {{Bytes: gib, Seconds: 500}},
		"all slow":         {{Bytes: gib, Seconds: 500}, {Bytes: gib, Seconds: 500}, {Bytes: gib, Seconds: 500}},
	} {
		first := p.Estimate(gib)
		p = p.Missing()
		if got := p.Hope(gib); len(p) > 1 && got < 500*time.Second {
			t.Errorf("%s: one missed window takes away more than the margin: %s", name, got)
		}
		missed := 1
		for ; p.Hope(gib) > 20*time.Second && missed < 100; missed++ {
			p = p.Missing()
		}
		if missed < 4 || missed > 15 {
			t.Errorf("%s: it takes %d missed windows until %s are hoped to be 20 s", name, missed, first)
		}
		if got := p.Estimate(gib).Round(time.Millisecond); got != first.Round(time.Millisecond) {
			t.Errorf("%s: the estimate was %s, and is %s after missed windows", name, first, got)
		}
		p = p.With(Sample{Bytes: gib, Seconds: 1})
		if p.Hope(gib) != p.Estimate(gib) || len(p) == 1 && p.Estimate(gib) != 3500*time.Millisecond {
			t.Errorf("%s: after a measurement %s are hoped for, and %s estimated", name, p.Hope(gib), p.Estimate(gib))
		}
	}
}

func TestMissed(t *testing.T) {
	f := calm()
	for _, test := range []struct {
		name  string
		facts func()
		want  bool
	}{
		{"all fit", func() {}, false},
		{"one is late after others", func() { f.Closes = now.Add(180 * time.Second) }, false},
		{"all are late", func() { f.Closes = now.Add(10 * time.Second) }, true},
		{"what is left is late after one was done", func() { f.Done = map[string]bool{"m2": true} }, false},
		{"all are left for another reason", func() { f.Done, f.Survey.Leader = nil, 0 }, false},
	} {
		test.facts()
		if got := Decide(f, usualRules).Missed(); got != test.want {
			t.Errorf("%s: missed is %t", test.name, got)
		}
	}
}

func TestBelowQuota(t *testing.T) {
	m := etcd.Member{Name: "m1", DBSize: 89}
	for _, test := range []struct {
		told, status int64
		want         bool
	}{{100, 0, true}, {0, 100, true}, {98, 0, false}, {98, 1000, false}, {0, 0, false}} {
		m.Quota = test.status
		if got := BelowQuota(m, map[string]int64{"m1": test.told}); got != test.want {
			t.Errorf("89 bytes, quota %d and %d: %t", test.told, test.status, got)
		}
	}
}
