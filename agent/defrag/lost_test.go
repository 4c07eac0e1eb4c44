package defrag

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/test/client"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/port"
)

// full16 is a cluster of some members whose database files hold mostly old versions and are over their quota of 16 MiB.
func full16(t *testing.T, members int) (*cluster.Cluster, patient) {
	t.Helper()
	c := cluster.Start(t, cluster.Options{Members: members, QuotaBytes: 16 << 20, Args: []string{cluster.NoFsync}})
	p := newPatient(t, c, small)
	fill(t, c.Client(t), false)
	p.Compactor = noted(t, p.Cluster)
	return c, p
}

// wantWrites fails the test unless the cluster takes a write.
func wantWrites(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	if _, err := c.Client(t).Put(t.Context(), "/registry/a", "b"); err != nil {
		t.Errorf("it takes no writes: %v", err)
	}
}

// TestNoSpaceWithoutSpareVoter has one member, and two: the cluster takes no writes, which their absence cannot make worse.
func TestNoSpaceWithoutSpareVoter(t *testing.T) {
	t.Parallel()
	for _, members := range []int{1, 2} {
		t.Run(fmt.Sprint(members), func(t *testing.T) {
			t.Parallel()
			c, p := full16(t, members)
			out, err := p.run(t.Context(), time.Time{})
			if err != nil || len(out.Members) != members || len(out.Disarmed) == 0 {
				t.Fatalf("done were %v, disarmed %v, %v", out.names(), out.Disarmed, err)
			}
			wantWrites(t, c)
			// With writes back there is something to protect again.
			p.Rules.MinReclaimable, p.Rules.MinRatio = 0, 0
			if out, err := p.run(t.Context(), time.Time{}); !errors.Is(err, agent.ErrPartial) || len(out.Members) > 0 || !strings.Contains(err.Error(), "--member") {
				t.Errorf("without the alarm: done were %v, %v", out.names(), err)
			}
		})
	}
}

// addUnstarted adds a learner that nobody starts.
func addUnstarted(t *testing.T, c *cluster.Cluster) (id uint64) {
	t.Helper()
	client.Await(t, "add a learner", func() bool {
		added, err := c.Client(t).MemberAddAsLearner(t.Context(), []string{"http://" + port.Free(t, "127.0.0.1")})
		if err == nil {
			id = added.Member.ID
		}
		return err == nil
	})
	return id
}

// TestLearnerThatIsNone has three voters that are well beside a learner that never started, one that is dead, and one that is frozen; with
// NOSPACE and without.
func TestLearnerThatIsNone(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, c *cluster.Cluster) uint64{
		"never started": addUnstarted,
		"dead":          func(t *testing.T, c *cluster.Cluster) uint64 { m := c.AddLearner(t); m.Kill(); return m.ID },
		"frozen":        func(t *testing.T, c *cluster.Cluster) uint64 { m := c.AddLearner(t); m.Pause(); return m.ID },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			c := cluster.Start(t, cluster.Options{QuotaBytes: 16 << 20, Args: []string{cluster.NoFsync}})
			id := spoil(t, c)
			p := newPatient(t, c, small)
			fill(t, c.Client(t), false)
			p.Compactor = noted(t, p.Cluster)
			out, err := p.run(t.Context(), time.Time{})
			if err != nil || len(out.Members) != 3 || len(out.Disarmed) == 0 {
				t.Fatalf("NOSPACE: done were %v, disarmed %v, %v", out.names(), out.Disarmed, err)
			}
			wantWrites(t, c)
			p.Rules.Force = true
			if out, err = p.run(t.Context(), time.Time{}); err != nil || len(out.Members) != 3 {
				t.Errorf("without the alarm: done were %v, %v", out.names(), err)
			}
			remove := "etcdctl member remove " + etcd.HexID(id)
			if !slices.ContainsFunc(out.Plan.Steps, func(s Step) bool { return s.Verdict == Enough && strings.Contains(s.Reason, remove) }) {
				t.Errorf("the plan does not say %q: %+v", remove, out.Plan.Steps)
			}
			c.Etcdctl(t, strings.Fields(remove)[1:]...) // the way out leads out
		})
	}
}

// TestNoSpaceDeadVoter has one of three voters dead: the others wait for it. The advice is its way out, and following it ends the alarm.
func TestNoSpaceDeadVoter(t *testing.T) {
	t.Parallel()
	c, p := full16(t, 3)
	dead := c.Followers(t)[0]
	dead.Kill()
	out, err := p.run(t.Context(), time.Time{})
	remove := "etcdctl member remove " + etcd.HexID(dead.ID)
	text := fmt.Sprint(err)
	if !errors.Is(err, agent.ErrPartial) || len(out.Members) > 0 || !strings.Contains(text, "NOSPACE stays: no answer from "+dead.Name+" ("+remove+")") {
		t.Errorf("done were %v, %v", out.names(), err)
	}
	if strings.Contains(text, "compaction.keep") || strings.Contains(text, "--quota-backend-bytes") {
		t.Errorf("it has the advice for another cause: %v", err)
	}
	if _, err := c.Client(t).MemberRemove(t.Context(), dead.ID); err != nil {
		t.Fatal(err)
	}
	client.Await(t, "the survey to have two members", func() bool {
		s, err := p.Cluster.Survey(t.Context())
		return err == nil && len(s.Members) == 2 && s.Quorum()
	})
	if out, err := p.run(t.Context(), time.Time{}); err != nil || len(out.Members) != 2 || len(out.Disarmed) == 0 {
		t.Fatalf("once it is removed: done were %v, disarmed %v, %v", out.names(), out.Disarmed, err)
	}
	wantWrites(t, c)
}

var nothingCompacted = compact.Compaction{From: 5, To: 5, Reason: "no revision was noted yet"}

// TestStillFull has each cause for which NOSPACE stays, and wants its own advice and no other's.
func TestStillFull(t *testing.T) {
	advice := []string{"compaction.keep", "member remove", "move_leader", "without --member", "alarm disarm", "use --force", "promote", "the disk is too small", "nothing was compacted"}
	for _, test := range []struct {
		name  string
		facts func(*Facts)
		rules func(*Rules)
		want  []string // of advice; none: the alarm can be taken back
	}{
		{name: "below the quota", facts: func(f *Facts) {
			for i := range f.Survey.Members {
				f.Survey.Members[i].DBSize = gib
			}
		}},
		{name: "data", facts: fullOfData, want: []string{"compaction.keep", "nothing was compacted"}},
		{name: "voter away", want: []string{"member remove"}, facts: func(f *Facts) {
			f.Survey.Members[2] = etcd.Member{ID: 3, Name: "m3", Role: etcd.RoleUnknown, Err: errors.New("refused")}
		}},
		{name: "voter never started", want: []string{"member remove"}, facts: func(f *Facts) {
			f.Survey.Members = append(f.Survey.Members, etcd.Member{ID: 4, Name: "4", Role: etcd.RoleUnstarted, Err: errors.New("never started")})
		}},
		{name: "leader left", want: []string{"move_leader"}, rules: func(r *Rules) { r.MoveLeader = false }},
		{name: "one asked for", want: []string{"without --member"}, rules: func(r *Rules) { r.Only = "m2" }},
		{name: "quota not known", want: []string{"alarm disarm"}, facts: func(f *Facts) {
			for i := range f.Survey.Members {
				f.Survey.Members[i].Quota = 0
			}
		}},
		{name: "old version", want: []string{"use --force"}, facts: func(f *Facts) { f.Survey.Members[2].Version = "3.6.4" }},
		{name: "short disk", want: []string{"the disk is too small"}, facts: func(f *Facts) { f.FreeDisk = map[string]int64{"m3": 1} }},
		{name: "learner over its quota", want: []string{"member remove", "promote"}, facts: func(f *Facts) {
			l := f.Survey.Members[1]
			l.ID, l.Name, l.Role, l.Learner = 4, "m4", etcd.RoleLearner, true
			f.Survey.Members = append(f.Survey.Members, l)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, rules := calm(), usualRules
			for i := range f.Survey.Members {
				m := &f.Survey.Members[i]
				m.DBSize, m.DBInUse, m.Quota, m.Alarms = 2*gib, gib, 2*gib, []string{etcd.AlarmNoSpace}
			}
			if test.facts != nil {
				test.facts(&f)
			}
			if test.rules != nil {
				test.rules(&rules)
			}
			out := Outcome{Plan: Decide(f, rules), Compaction: &nothingCompacted}
			// As after the run: who was to be done is below the quota.
			for _, s := range out.Plan.With(Do) {
				for i := range f.Survey.Members {
					if m := &f.Survey.Members[i]; m.ID == s.Member.ID && len(test.want) > 0 && test.name != "quota not known" {
						m.DBSize = m.DBInUse
					}
				}
			}
			text := stillFull(f, out)
			for _, a := range advice {
				if got := strings.Contains(text, a); got != slices.Contains(test.want, a) {
					t.Errorf("%q is said: %t in %q", a, got, text)
				}
			}
			if (text == "") != (len(test.want) == 0) {
				t.Errorf("it says %q", text)
			}
		})
	}
}
