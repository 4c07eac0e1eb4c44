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
	proven := &Proven{ID: "20261122T120000Z-7", TakenAt: taken, Revision: 7, Level: 3, Store: "primary", KnownSince: ended, SeenAt: now}
	return &Status{
		Members: []Member{
			{Name: "cp-1", Role: "leader", Healthy: true},
			{Name: "cp-2", Role: "follower", Healthy: true},
		},
		Stores: []Store{{Name: "primary", LastSuccess: &taken, Snapshots: 3, LastProven: proven}},
		Jobs:   []Job{{Name: "snapshot", LastEnded: &ended, OK: true}, {Name: "verify"}},
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
		{name: "nothing proven", spoil: func(s *Status) { s.Stores[0].LastProven = nil }, verdict: Unprotected, reason: "no proven snapshot is known"},
		{name: "late", spoil: func(s *Status) { s.Stores[0].LastSuccess = &old }, verdict: AtRisk, reason: "newest proven snapshot is 3 h old"},
		{name: "empty store", spoil: func(s *Status) { s.Stores[0].LastSuccess, s.Stores[0].LastProven = nil, nil }, verdict: Unprotected, reason: "store primary holds no proven snapshot"},
		{name: "store away", spoil: func(s *Status) { s.Stores[0].Error = "timeout" }, verdict: AtRisk, reason: "store primary could not be read: timeout"},
		{name: "spooled", spoil: func(s *Status) { s.Stores[0].Spooled = 2 }, verdict: AtRisk, reason: "2 snapshots wait on this host"},
		{name: "one spooled", spoil: func(s *Status) { s.Stores[0].Spooled = 1 }, verdict: AtRisk, reason: "a snapshot waits on this host"},
		{name: "store with a flaw", spoil: func(s *Status) { s.Stores[0].Wrong = []string{"snapshot X is damaged"} }, verdict: AtRisk,
			reason: "store primary: snapshot X is damaged"},
		{name: "errors that were joined", spoil: func(s *Status) { s.Members = nil }, cluster: errors.Join(errors.New("a refused"), errors.New("b refused")),
			verdict: AtRisk, reason: "the cluster could not be asked: a refused; b refused"},
		{name: "member down", spoil: func(s *Status) { s.Members[1].Error = "refused" }, verdict: AtRisk, reason: "member cp-2 does not answer: refused"},
		{name: "member cut off", spoil: func(s *Status) { s.Members[1].Healthy = false }, verdict: AtRisk, reason: "member cp-2 is not healthy"},
		{name: "alarm", spoil: func(s *Status) { s.Members[0].Alarms = []string{"NOSPACE"} }, verdict: AtRisk, reason: "member cp-1 has the alarm NOSPACE"},
		{name: "alarm of nobody", spoil: func(s *Status) { s.Cluster.Strays = []string{"NOSPACE of 4711"} }, verdict: AtRisk,
			reason: "etcd refuses writes: the alarm NOSPACE of 4711 is raised, which is no member any more; etcdctl alarm disarm ends it"},
		{name: "store away, nothing known", spoil: func(s *Status) { s.Stores[0] = Store{Name: "primary", Error: "timeout"} }, verdict: AtRisk,
			reason: "whether there is a proven snapshot is not known: not every store could be read"},
		{name: "store away, one seen before", spoil: func(s *Status) { s.Stores[0].Error, s.Stores[0].LastProven.SeenAt = "timeout", now.Add(-3*time.Hour) }, verdict: AtRisk,
			reason: "last seen in store primary 3 h ago"},
		{name: "store away, and snapshots wait for it", spoil: func(s *Status) { s.Stores[0].Error, s.Stores[0].Spooled = "timeout", 2 }, verdict: AtRisk,
			reason: "could not be read: timeout; 2 snapshots wait on this host for it"},
		{name: "an emergency snapshot", spoil: func(s *Status) { s.Emergency = &Proven{ID: "e", Store: "nas"} }, verdict: AtRisk, reason: "an emergency snapshot is newer: e in store nas"},
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

// TestProofOfTwoStores holds which snapshot the status names when a store is away.
func TestProofOfTwoStores(t *testing.T) {
	at := func(hours int) *Proven {
		return &Proven{ID: Age(time.Duration(hours) * time.Hour), TakenAt: now.Add(-time.Duration(hours) * time.Hour)}
	}
	for name, c := range map[string]struct {
		stores []Store
		proof  Proof
		id     string
	}{
		"both":                  {[]Store{{LastProven: at(2)}, {LastProven: at(1)}}, ProofSeen, "1 h"},
		"the newer store away":  {[]Store{{LastProven: at(2)}, {LastProven: at(1), Error: "away"}}, ProofSeen, "2 h"},
		"likewise, in front":    {[]Store{{LastProven: at(1), Error: "away"}, {LastProven: at(2)}}, ProofSeen, "2 h"},
		"both away":             {[]Store{{LastProven: at(2), Error: "away"}, {LastProven: at(1), Error: "away"}}, ProofLastKnown, "1 h"},
		"one away, one empty":   {[]Store{{LastProven: at(1), Error: "away"}, {}}, ProofLastKnown, "1 h"},
		"away, and never seen":  {[]Store{{Error: "away"}, {}}, ProofNotKnown, ""},
		"both read, both empty": {[]Store{{}, {}}, ProofNone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Status{Stores: c.stores}
			Judge(s, Expectation{Now: now}, nil, nil)
			id := ""
			if s.LastProven != nil {
				id = s.LastProven.ID
			}
			if s.Proof != c.proof || id != c.id || (s.Verdict == Unprotected) != (c.proof == ProofNone) {
				t.Errorf("got %s, %q, %s", s.Proof, id, s.Verdict)
			}
		})
	}
}

// TestPlan holds the order of the reasons, that each is there once, and that the plan has their words.
func TestPlan(t *testing.T) {
	s := well()
	s.Members[1].Error, s.Members[0].Alarms = "refused", []string{"NOSPACE", "NOSPACE"}
	s.Stores[0].Error, s.Stores[0].LastProven = "timeout", nil
	s.Jobs[0].OK = false
	Judge(s, Expectation{Now: now}, nil, nil)
	want := []string{"whether there is", "member cp-1 has the alarm", "store primary", "member cp-2 does not answer", "job snapshot failed"}
	if len(s.Plan) != len(want) || len(s.Reasons) != len(want) {
		t.Fatalf("the plan is %q", s.Plan)
	}
	for i, step := range s.Plan {
		if !strings.HasPrefix(step.Reason, want[i]) || step.Reason != s.Reasons[i] || step.Do == "" {
			t.Errorf("step %d is %q, want %q", i, step, want[i])
		}
	}
}

// TestScheduleOff holds that without a schedule a snapshot may be as old as retention lets it become.
func TestScheduleOff(t *testing.T) {
	old := now.Add(-49 * time.Hour)
	for keep, want := range map[time.Duration]Verdict{0: Protected, 50 * time.Hour: Protected, 48 * time.Hour: AtRisk} {
		s := well()
		s.Stores[0].LastSuccess = &old
		if Judge(s, Expectation{Now: now, Off: true, KeepWithin: keep}, nil, nil); s.Verdict != want {
			t.Errorf("kept for %s: %s, %q", keep, s.Verdict, s.Reasons)
		}
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
		if got := Age(d); got != want {
			t.Errorf("Age(%s) = %q, want %q", d, got, want)
		}
	}
}
