package maintain

import (
	"strings"
	"testing"

	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/program"
)

// compactedHistory is what `etcdward -o json compact` prints.
type compactedHistory struct {
	DryRun    bool `json:"dry_run"`
	To        int64
	Revisions int64
	Reason    string
}

// defragReport is what `etcdward -o json defrag` prints.
type defragReport struct {
	DryRun  bool `json:"dry_run"`
	Members []struct {
		Name        string
		BytesBefore int64  `json:"bytes_before"`
		BytesAfter  int64  `json:"bytes_after"`
		LedDuring   string `json:"led_during"`
	}
	Plan []struct{ Name, Verdict, Reason string }
}

// bloated is a cluster whose files are mostly empty, and a host whose thresholds are small.
func bloated(t *testing.T) (program.On, *cluster.Cluster) {
	t.Helper()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.Bloat(t)
	return program.On{Host: host.New(t, c, "compaction: {keep: 0s}", "defrag: {min_reclaimable: 1MiB, pause: 0s}")}, c
}

// TestCompactAndDefrag compacts and defragments a cluster of three, all of it and one member, and with a member away.
func TestCompactAndDefrag(t *testing.T) {
	s, c := bloated(t)
	if out := s.Must(t, "compact", "--dry-run"); !strings.Contains(out, "Would compact to revision 301 what was never compacted before") {
		t.Errorf("compact --dry-run says %q", out)
	}
	var compacted compactedHistory
	s.MustJSON(t, &compacted, "compact")
	if compacted.DryRun || compacted.To < 301 || compacted.Revisions < 300 || compacted.Reason == "" {
		t.Errorf("compact gives %+v", compacted)
	}

	leader := c.Leader(t).Name
	// Members remove what was compacted in the background, and count what is free when something is written.
	var plan defragReport
	cli := c.Client(t)
	for range 100 {
		if _, err := cli.Put(t.Context(), "/registry/leases/a", "renewed"); err != nil {
			t.Fatal(err)
		}
		if s.MustJSON(t, &plan, "defrag", "--dry-run"); len(plan.Plan) == 3 && plan.Plan[2].Verdict == "defragment" {
			break
		}
	}
	if len(plan.Plan) != 3 || plan.Plan[2].Name != leader || !strings.Contains(plan.Plan[2].Reason, "hands over to") || len(plan.Members) > 0 || !plan.DryRun {
		t.Fatalf("defrag --dry-run gives %+v, and %s leads", plan, leader)
	}
	if r := s.Run(t, "defrag", "--member", "nobody"); r.Code != program.Usage || !strings.Contains(r.Err, "nobody") {
		t.Errorf("defrag of nobody: %+v", r)
	}
	one := plan.Plan[1].Name
	if out := s.Must(t, "defrag", "--member", one); !strings.Contains(out, one) || !strings.Contains(out, "it was not asked for") {
		t.Errorf("defrag --member says %q", out)
	}
	var done defragReport
	s.MustJSON(t, &done, "defrag")
	if len(done.Members) != 2 || done.Members[1].Name != leader || done.Members[1].LedDuring == leader || done.Members[0].BytesAfter >= done.Members[0].BytesBefore {
		t.Errorf("defrag gives %+v", done)
	}
	if out := s.Must(t, "defrag"); strings.Count(out, "below the threshold") != 3 {
		t.Errorf("defrag again says %q", out)
	}
	s.MustJSON(t, &done, "defrag", "--force")
	if len(done.Members) != 3 {
		t.Errorf("defrag --force gives %+v", done)
	}

	// The leader stays as it is when it may not hand over, and that is a finding.
	follower := c.Followers(t)[0]
	follower.Kill()
	if r := s.Run(t, "defrag", "--dry-run"); r.Code != program.Findings || !strings.Contains(r.Out, follower.Name+" does not answer") {
		t.Errorf("defrag --dry-run with a member away: %+v", r)
	}
	if r := s.Run(t, "defrag"); r.Code != program.Findings || !strings.Contains(r.Err, follower.Name+" does not answer") {
		t.Errorf("defrag with a member away: %+v", r)
	}
}
