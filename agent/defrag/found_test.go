package defrag

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/test/client"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/port"
)

// fill writes until the cluster has no space, under keys of its own or again and again under one.
func fill(t *testing.T, cli *clientv3.Client, keys bool) {
	t.Helper()
	value := strings.Repeat("x", 64<<10)
	for i := 0; ; i++ {
		key := "/registry/configmaps/big"
		if keys {
			key = fmt.Sprintf("%s-%d", key, i)
		}
		if _, err := cli.Put(t.Context(), key, value); errors.Is(err, rpctypes.ErrNoSpace) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// noted gives a compactor whose notes are old enough for all that was written so far.
func noted(t *testing.T, own *etcd.Cluster) *compact.Compactor {
	t.Helper()
	c := &compact.Compactor{Cluster: own, Keep: time.Second, Path: filepath.Join(t.TempDir(), "revisions.json"), Log: slog.New(slog.DiscardHandler)}
	if err := c.Note(t.Context()); err != nil {
		t.Fatal(err)
	}
	client.Await(t, "a note that is old enough", c.Dated)
	return c
}

// TestDefragSlowSample has a single measurement that was made beside a frozen member: by it no window suffices.
func TestDefragSlowSample(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	bloat(t, c, 1500)
	p := newPatient(t, c, small)
	_, err := p.coord.RunNow(t.Context(), "test", nil, func(ctx context.Context) error {
		return etcd.LockOf(ctx).Keep(ctx, ledgerName, ledger{Pace: Pace{{Bytes: 165 << 20, Seconds: 900}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	windows := 0
	for {
		out, err := p.run(t.Context(), time.Now().Add(10*time.Second))
		if windows++; len(out.Members) > 0 {
			t.Logf("in window %d: %v, %v", windows, out.names(), err)
			break
		}
		if !errors.Is(err, agent.ErrPartial) || !strings.Contains(fmt.Sprint(err), "the window is too short") || windows > 15 {
			t.Fatalf("in window %d: %v", windows, err)
		}
	}
	if windows < 3 {
		t.Errorf("it was begun in window %d already", windows)
	}
}

// TestDefragUnseen has an etcd that serves its metrics elsewhere, and in 3.5 tells its quota nowhere else.
func TestDefragUnseen(t *testing.T) {
	t.Parallel()
	elsewhere := "--listen-client-http-urls=http://" + port.Free(t, "127.0.0.1")
	c := cluster.Start(t, cluster.Options{Version: "3.5", Members: 1, QuotaBytes: 16 << 20, Args: []string{cluster.NoFsync, elsewhere}})
	name := c.Members[0].Name
	rules := small
	rules.Only = name
	p := newPatient(t, c, rules)
	fill(t, c.Client(t), false)
	plan, err := p.Plan(t.Context(), time.Time{})
	if why := reason(plan, name); err != nil || !strings.Contains(why, "open snapshots cannot be seen on "+name+": ") {
		t.Errorf("the plan says %s, %v", why, err)
	}
	p.Compactor = noted(t, p.Cluster)
	var log bytes.Buffer
	p.Log = slog.New(slog.NewTextHandler(&log, nil))
	out, err := p.run(t.Context(), time.Time{})
	if !errors.Is(err, agent.ErrPartial) || !strings.Contains(fmt.Sprint(err), "etcdctl alarm disarm") || len(out.Disarmed) > 0 || len(out.Members) != 1 {
		t.Errorf("done were %v, %v disarmed: %v", out.names(), out.Disarmed, err)
	}
	if n := strings.Count(log.String(), "level=WARN msg=\"open snapshots cannot be seen\" member="+name); n != 1 {
		t.Errorf("it was said %d times:\n%s", n, log.String())
	}
}

// TestDefragAwaitsRemoval has a history that somebody else compacted a moment ago, which the members remove slowly.
func TestDefragAwaitsRemoval(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{QuotaBytes: 16 << 20,
		Args: []string{cluster.NoFsync, "--compaction-batch-limit=15", "--compaction-sleep-interval=300ms"}})
	p := newPatient(t, c, small)
	p.Rules.Pause, p.LookEvery = 0, time.Second
	cli := c.Client(t)
	fill(t, cli, false)
	p.Compactor = noted(t, p.Cluster)
	_, revision, err := p.Cluster.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cli.Compact(t.Context(), revision); err != nil {
		t.Fatal(err)
	}
	out, err := p.run(t.Context(), time.Time{})
	if err != nil || len(out.Members) != 3 || len(out.Disarmed) == 0 || out.Compaction == nil || out.Compaction.Needed() {
		t.Fatalf("%+v, %v", out, err)
	}
	for _, m := range out.Members {
		if m.After > 1<<20 {
			t.Errorf("%s was begun before the history was gone: %d bytes are left", m.Name, m.After)
		}
	}
}

// TestDefragAwaitsForeignRemoval has somebody else compact a moment before a run, without any alarm: neither the run nor its plan measures
// the middle of the removal.
func TestDefragAwaitsForeignRemoval(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync, "--compaction-batch-limit=15", "--compaction-sleep-interval=300ms"}})
	rules := small
	rules.MinRatio, rules.Pause = 0.8, 0
	p := newPatient(t, c, rules)
	p.LookEvery = time.Second
	cli := c.Client(t)
	compactAll := func() {
		t.Helper()
		value := strings.Repeat("x", 64<<10)
		for range 200 {
			if _, err := cli.Put(t.Context(), "/registry/configmaps/big", value); err != nil {
				t.Fatal(err)
			}
		}
		_, revision, err := p.Cluster.Revision(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cli.Compact(t.Context(), revision); err != nil {
			t.Fatal(err)
		}
	}
	compactAll()
	if plan, err := p.Plan(t.Context(), time.Time{}); err != nil || len(plan.With(Do)) != 3 {
		t.Errorf("the plan is %s, %v", told(plan), err)
	}
	if out, err := p.run(t.Context(), time.Time{}); err != nil || len(out.Members) != 3 {
		t.Errorf("done were %v, %v", out.names(), err)
	}
	// A run whose window closes before the removal ends leaves all of them.
	compactAll()
	out, err := p.run(t.Context(), time.Now().Add(2500*time.Millisecond))
	if !errors.Is(err, agent.ErrPartial) || len(out.Members) > 0 || !strings.Contains(err.Error(), "still remove what was compacted") {
		t.Errorf("in a short window: done were %v, %v", out.names(), err)
	}
}

// TestDefragFullOfData has a cluster over its quota by its data alone, on a host that has noted no revision yet.
//
// How much of a file is free when a member reaches its quota is chance, so the data comes first and the quota below it second.
func TestDefragFullOfData(t *testing.T) {
	t.Parallel()
	const quota = 16 << 20
	c := cluster.Start(t, cluster.Options{QuotaBytes: 2 * quota, Args: []string{cluster.NoFsync}})
	fill(t, c.Client(t), true)
	c.Etcdctl(t, "defrag", "--cluster")
	c.SetQuota(t, quota)
	p := newPatient(t, c, small)
	p.Compactor = &compact.Compactor{Cluster: p.Cluster, Keep: time.Hour, Path: filepath.Join(t.TempDir(), "revisions.json"), Log: p.Log}
	survey, err := p.Cluster.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range survey.Members {
		if m.DBInUse <= quota || m.DBSize-m.DBInUse >= small.MinReclaimable {
			t.Fatalf("%s is not full of data: %d of %d bytes are in use", m.Name, m.DBInUse, m.DBSize)
		}
	}
	led := c.Leader(t)
	out, err := p.run(t.Context(), time.Time{})
	if len(out.Members) > 0 || c.Leader(t) != led {
		t.Errorf("done were %v, and %s leads after %s", out.names(), c.Leader(t).Name, led.Name)
	}
	for _, want := range []string{"NOSPACE stays", "compaction.keep", "--quota-backend-bytes", "nothing was compacted: no revision was noted"} {
		if !errors.Is(err, agent.ErrPartial) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
}

// TestDefragVoterAndLearner has one voter, which nobody can lead for, and a learner.
func TestDefragVoterAndLearner(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	bloat(t, c, 1500)
	c.AddLearner(t)
	p := newPatient(t, c, small)
	p.Rules.Only = c.Members[0].Name
	if out, err := p.run(t.Context(), time.Time{}); err != nil || len(out.Members) != 1 {
		t.Errorf("done were %v, %v", out.names(), err)
	}
}

// TestDefragDenied has a user without any right: that says nothing of the member that refuses it.
func TestDefragDenied(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Plain: true, Args: []string{cluster.NoFsync}})
	for _, user := range []string{"root", "nobody"} {
		c.Etcdctl(t, "user", "add", user+":secret")
	}
	c.Etcdctl(t, "user", "grant-role", "root", "root")
	c.Etcdctl(t, "auth", "enable")
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	own, err := etcd.New(etcd.Options{Endpoints: c.Endpoints(), Username: "nobody", PasswordFile: password})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	d := &Defragmenter{Cluster: own, Rules: small, Log: slog.New(slog.DiscardHandler)}
	if f, err := d.look(t.Context(), ledger{}, time.Time{}); !errors.Is(err, etcd.ErrDenied) || len(f.Silent) > 0 {
		t.Errorf("silent are %v; error is %v", f.Silent, err)
	}
}

// TestStrayAlarms: an alarm of a member that is gone, as a restore brings it along, stops all writes. NOSPACE is taken back by one run, CORRUPT is
// left to a person.
func TestStrayAlarms(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	p := newPatient(t, c, small)
	alarm := func(action pb.AlarmRequest_AlarmAction, kind pb.AlarmType) {
		t.Helper()
		if _, err := pb.NewMaintenanceClient(c.Client(t).ActiveConnection()).Alarm(t.Context(), &pb.AlarmRequest{Action: action, MemberID: 4711, Alarm: kind}); err != nil {
			t.Fatal(err)
		}
	}
	alarm(pb.AlarmRequest_ACTIVATE, pb.AlarmType_NOSPACE)
	if _, err := c.Client(t).Put(t.Context(), "/registry/a", "b"); err == nil {
		t.Error("the alarm stops nothing")
	}
	out, err := p.run(t.Context(), time.Time{})
	if err != nil || len(out.Disarmed) != 1 || !strings.Contains(out.Disarmed[0], "which is gone") {
		t.Errorf("NOSPACE: %+v %v", out, err)
	}
	if _, err := c.Client(t).Put(t.Context(), "/registry/a", "b"); err != nil {
		t.Errorf("disarmed, and no write: %v", err)
	}
	alarm(pb.AlarmRequest_ACTIVATE, pb.AlarmType_CORRUPT)
	plan, err := p.Plan(t.Context(), time.Time{})
	if why := reason(plan, c.Members[0].Name); err != nil || !strings.Contains(why, "CORRUPT, raised for a member that no longer exists") {
		t.Errorf("CORRUPT: %s, %v", why, err)
	}
}

// TestStillLeft checks that a run for one member does not change which members were left before.
func TestStillLeft(t *testing.T) {
	step := func(name string, v Verdict) Step {
		return Step{Member: etcd.Member{Name: name}, Verdict: v}
	}
	for name, c := range map[string]struct {
		only string
		done map[string]bool
		plan []Step
		want []string
	}{
		"all":             {"", nil, []Step{step("a", Left), step("b", Enough), step("c", Enough)}, []string{"a"}},
		"one, not done":   {"a", nil, []Step{step("a", Left), step("b", Enough), step("c", Enough)}, []string{"b", "c", "a"}},
		"one, done":       {"a", map[string]bool{"a": true}, []Step{step("b", Enough), step("c", Enough)}, []string{"b", "c"}},
		"one of the left": {"b", map[string]bool{"b": true}, []Step{step("a", Enough), step("c", Enough)}, []string{"c"}},
	} {
		r := &defragRun{Defragmenter: &Defragmenter{Rules: Rules{Only: c.only}}, first: []string{"b", "c"}, done: c.done}
		r.out.Plan.Steps = c.plan
		if got := r.stillLeft(); !slices.Equal(got, c.want) {
			t.Errorf("%s: left are %v, want %v", name, got, c.want)
		}
	}
}
