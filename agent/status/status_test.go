package status

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 22, 12, 30, 0, 0, time.UTC)

// well is a status with nothing wrong, for cases to spoil.
func well() *Status {
	taken, ended := now.Add(-30*time.Minute), now.Add(-29*time.Minute)
	return &Status{
		Members: []Member{
			{Name: "cp-1", Role: "leader", Healthy: true},
			{Name: "cp-2", Role: "follower", Healthy: true},
		},
		Stores:     []Store{{Name: "primary", LastSuccess: &taken, Snapshots: 3}},
		Jobs:       []Job{{Name: "snapshot", LastEnded: &ended, OK: true}, {Name: "verify"}},
		LastProven: &Proven{ID: "20261122T120000Z-7", TakenAt: taken, Revision: 7, Level: 3},
	}
}

func TestJudge(t *testing.T) {
	old := now.Add(-3 * time.Hour)
	cases := []struct {
		name    string
		spoil   func(*Status)
		cluster error
		jobs    error
		verdict Verdict
		reason  string // contained in one of the reasons
	}{
		{name: "well", spoil: func(*Status) {}, verdict: Protected, reason: "proven restorable to 2026-11-22T12:00:00Z, revision 7"},
		{name: "nothing proven", spoil: func(s *Status) { s.LastProven = nil }, verdict: Unprotected, reason: "no proven snapshot is known"},
		{name: "late", spoil: func(s *Status) { s.Stores[0].LastSuccess = &old }, verdict: AtRisk, reason: "newest proven snapshot is 3 h old"},
		{name: "empty store", spoil: func(s *Status) { s.Stores[0].LastSuccess = nil }, verdict: AtRisk, reason: "store primary holds no proven snapshot"},
		{name: "store away", spoil: func(s *Status) { s.Stores[0].Error = "timeout" }, verdict: AtRisk, reason: "store primary could not be read: timeout"},
		{name: "spooled", spoil: func(s *Status) { s.Stores[0].Spooled = 2 }, verdict: AtRisk, reason: "lacks 2 snapshots that wait"},
		{name: "one spooled", spoil: func(s *Status) { s.Stores[0].Spooled = 1 }, verdict: AtRisk, reason: "lacks a snapshot that waits"},
		{name: "store with a flaw", spoil: func(s *Status) { s.Stores[0].Wrong = []string{"snapshot X is damaged"} }, verdict: AtRisk,
			reason: "store primary: snapshot X is damaged"},
		{name: "errors that were joined", spoil: func(s *Status) { s.Members = nil }, cluster: errors.Join(errors.New("a refused"), errors.New("b refused")),
			verdict: AtRisk, reason: "the cluster could not be asked: a refused; b refused"},
		{name: "member down", spoil: func(s *Status) { s.Members[1].Error = "refused" }, verdict: AtRisk, reason: "member cp-2 does not answer: refused"},
		{name: "member cut off", spoil: func(s *Status) { s.Members[1].Healthy = false }, verdict: AtRisk, reason: "member cp-2 is not healthy"},
		{name: "alarm", spoil: func(s *Status) { s.Members[0].Alarms = []string{"NOSPACE"} }, verdict: AtRisk, reason: "member cp-1 has the alarm NOSPACE"},
		{name: "alarm of nobody", spoil: func(s *Status) { s.Cluster.Strays = []string{"NOSPACE of 4711"} }, verdict: AtRisk,
			reason: "etcd refuses writes: the alarm NOSPACE of 4711 is raised, which is no member any more; etcdctl alarm disarm ends it"},
		{name: "store away, nothing known", spoil: func(s *Status) { s.Stores[0], s.LastProven = Store{Name: "primary", Error: "timeout"}, nil }, verdict: Unprotected,
			reason: "no proven snapshot is known: not every store could be read"},
		{name: "no leader", spoil: func(s *Status) { s.Members[0].Role = "follower" }, verdict: AtRisk, reason: "no member is the leader"},
		{name: "cluster away", spoil: func(s *Status) { s.Members = nil }, cluster: errors.New("no endpoint"), verdict: AtRisk, reason: "the cluster could not be asked: no endpoint"},
		{name: "job failed", spoil: func(s *Status) { s.Jobs[0].OK = false; s.Jobs[0].Error = "disk full" }, verdict: AtRisk, reason: "job snapshot failed at 2026-11-22T12:01:00Z: disk full"},
		{name: "job never ran", spoil: func(s *Status) { s.Jobs[0].LastEnded = nil; s.Jobs[0].OK = false }, verdict: Protected, reason: "proven"},
		{name: "records unreadable", spoil: func(*Status) {}, jobs: errors.New("denied"), verdict: AtRisk, reason: "the jobs' records could not be read: denied"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := well()
			c.spoil(s)
			Judge(s, Expectation{Snapshot: now.Add(-90 * time.Minute), Now: now}, c.cluster, c.jobs)
			if s.Verdict != c.verdict {
				t.Errorf("verdict %s, want %s (%q)", s.Verdict, c.verdict, s.Reasons)
			}
			if !slices.ContainsFunc(s.Reasons, func(r string) bool { return strings.Contains(r, c.reason) }) {
				t.Errorf("reasons %q hold none with %q", s.Reasons, c.reason)
			}
			if strings.Contains(strings.Join(s.Reasons, ""), "\n") {
				t.Errorf("a reason of several lines: %q", s.Reasons)
			}
		})
	}
}

func TestScheduleOffExpectsNothing(t *testing.T) {
	s := well()
	old := now.Add(-3000 * time.Hour)
	s.Stores[0].LastSuccess = &old
	Judge(s, Expectation{Now: now}, nil, nil)
	if s.Verdict != Protected {
		t.Errorf("verdict %s: %q", s.Verdict, s.Reasons)
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{59 * time.Minute: "59 min", 47 * time.Hour: "47 h", 49 * time.Hour: "2 days"} {
		if got := age(d); got != want {
			t.Errorf("age(%s) = %q, want %q", d, got, want)
		}
	}
}
