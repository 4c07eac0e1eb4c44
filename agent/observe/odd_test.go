package observe

import (
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/stores/storestest"
)

// TestOddMember holds that status names a member whose data are at odds with the majority's until a later comparison clears it, and that the
// snapshots which agree with the majority count.
func TestOddMember(t *testing.T) {
	compared := func(m *snapshot.Manifest) {
		m.Checks = append(m.Checks, snapshot.Check{Name: snapshot.CheckHashKV, OK: true, Detail: "equal"})
	}
	odd := func(m *snapshot.Manifest) {
		compared(m)
		m.OddMembers = []snapshot.OddMember{{Name: "m2", ID: "2", Detail: "its data differ"}}
	}
	open := func(m *snapshot.Manifest) {
		m.Inconclusive = []snapshot.Open{{Name: snapshot.CheckHashKV, Detail: "nobody answered"}}
	}
	type edit = func(*snapshot.Manifest)
	for _, test := range []struct {
		name  string
		taken []edit // oldest first
		odd   bool
		level int
	}{
		{"found just now", []edit{odd}, true, 3},
		{"found before, nobody could be asked since", []edit{odd, open, open}, true, 2},
		{"found before, and cleared", []edit{odd, compared}, false, 3},
		{"cleared, and nobody could be asked since", []edit{odd, compared, open}, false, 2},
		{"never compared", []edit{open}, false, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := storestest.StoreIn(t, "a", storestest.OpenFolder(t))
			for n, edit := range test.taken {
				m, content := storestest.Stored(n+1, edit)
				a.Commit(t, m, content)
			}
			now := storestest.Hour(len(test.taken) + 1)
			inspector := Inspector{Store: a.Store, Live: storestest.OurCluster}
			seen, err := inspector.Run(t.Context(), now)
			if err != nil || seen.Newest == nil || seen.Newest.Level != test.level {
				t.Fatalf("got %+v, %v", seen, err)
			}
			s := status.Status{Members: []status.Member{{ID: "1", Name: "m1", Role: "leader", Healthy: true}, {ID: "2", Name: "m2", Role: "follower", Healthy: true}},
				Stores: []status.Store{{Name: "a", LastSuccess: &now, LastProven: &status.Proven{}}}}
			nameOdd(&s, []Inspection{{}, seen})
			status.Judge(&s, status.Expectation{Now: now}, nil, nil)
			reasons := strings.Join(s.Reasons, "\n")
			if got := strings.Contains(reasons, "member m2 holds other data than the majority"); got != test.odd || (s.Verdict == status.AtRisk) != test.odd {
				t.Errorf("%s: %s", s.Verdict, reasons)
			}
		})
	}
	// One that was removed from the cluster is no finding.
	m, _ := storestest.Stored(1, odd)
	s := status.Status{Members: []status.Member{{ID: "1", Name: "m1"}}}
	nameOdd(&s, []Inspection{{Compared: &m}})
	if s.Members[0].Odd != "" {
		t.Errorf("got %+v", s.Members)
	}
	// Nor does what another cluster wrote say anything.
	var out Inspection
	out.noteComparison(m, stores.Ownership{Live: storestest.OtherCluster, IDs: []string{storestest.OtherCluster}, Known: true})
	if out.Compared != nil {
		t.Errorf("got %+v", out.Compared)
	}
}
