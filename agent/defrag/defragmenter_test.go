package defrag

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/coordination"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/test/client"
	"github.com/etcdward/etcdward/test/cluster"
)

// small makes test databases worth defragmenting.
var small = Rules{MinReclaimable: 1 << 20, MinRatio: 0.2, MoveLeader: true, Pause: 100 * time.Millisecond}

// patient is a Defragmenter that runs under the lock.
type patient struct {
	*Defragmenter
	coord *coordination.Coordinator
}

func newPatient(t testing.TB, c *cluster.Cluster, rules Rules) patient {
	own := client.Connect(t, c)
	log := slog.New(slog.DiscardHandler)
	return patient{&Defragmenter{Cluster: own, Rules: rules, LookEvery: 400 * time.Millisecond, Log: log}, &coordination.Coordinator{Cluster: own, Host: "test", Log: log, Before: Quiet{Cluster: own, Log: log}.Await}}
}

func (p patient) run(ctx context.Context, closes time.Time) (out Outcome, err error) {
	_, err = p.coord.RunNow(ctx, "defrag", coordination.WhileFull, func(ctx context.Context) (err error) {
		out, err = p.Run(ctx, closes)
		return err
	})
	return out, err
}

// bloat fills a cluster, deletes most of it, and compacts, so that the files are mostly empty.
func bloat(t testing.TB, c *cluster.Cluster, objects int) {
	t.Helper()
	c.FillKubernetes(t, objects)
	cli := c.Client(t)
	var last int64
	for team := range 30 {
		for _, kind := range []string{"pods", "configmaps", "secrets", "events"} {
			deleted, err := cli.Delete(t.Context(), fmt.Sprintf("/registry/%s/team-%d/", kind, team), clientv3.WithPrefix())
			if err != nil {
				t.Fatal(err)
			}
			last = deleted.Header.Revision
		}
	}
	if _, err := cli.Compact(t.Context(), last, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	own := client.Connect(t, c)
	client.Await(t, "remove what was compacted", func() bool {
		s, err := own.Survey(t.Context())
		return err == nil && !slices.ContainsFunc(s.Members, func(m etcd.Member) bool { return m.Err != nil || 2*m.DBInUse > m.DBSize })
	})
}

// names are the members that were done, in order.
func (d Outcome) names() []string {
	var names []string
	for _, m := range d.Members {
		names = append(names, m.Name)
	}
	return names
}

// reason is why the last plan left a member.
func reason(p Plan, name string) string {
	for _, s := range p.Steps {
		if s.Member.Name == name {
			return string(s.Verdict) + ": " + s.Reason
		}
	}
	return "no such member"
}

// away is when a member was being defragmented, by its own log.
type away struct {
	member     *cluster.Member
	begin, end time.Time
}

var logTime = regexp.MustCompile(`"ts":"([^"]+)".*"msg":"(defragmenting|finished defragmenting directory)"`)

func defragmentations(t testing.TB, c *cluster.Cluster) []away {
	t.Helper()
	var all []away
	for _, m := range c.Members {
		log, err := os.ReadFile(m.LogFile)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range logTime.FindAllStringSubmatch(string(log), -1) {
			at, err := time.Parse("2006-01-02T15:04:05.999999Z0700", found[1])
			if err != nil {
				t.Fatal(err)
			}
			if found[2] == "defragmenting" {
				all = append(all, away{member: m, begin: at})
			} else {
				all[len(all)-1].end = at
			}
		}
	}
	slices.SortFunc(all, func(a, b away) int { return a.begin.Compare(b.begin) })
	return all
}

// sampler asks each member every 50 ms whether it defragments and who leads.
type sampler struct {
	most    int    // members away at once
	leading string // a leader that was away, "" if there was none
}

func (s *sampler) watch(ctx context.Context, own *etcd.Cluster, c *cluster.Cluster) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		gone := map[string]bool{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, m := range c.Members {
			wg.Go(func() {
				g, err := own.Gauges(ctx, etcd.Member{Name: m.Name, Endpoint: m.MetricsURL})
				mu.Lock()
				defer mu.Unlock()
				gone[m.Name] = err != nil && ctx.Err() == nil || g.Defragmenting
			})
		}
		survey, err := own.Survey(ctx)
		wg.Wait()
		n := 0
		for name, is := range gone {
			if is {
				n++
			}
			if is && err == nil && survey.LeaderMember().Name == name {
				s.leading = name
			}
		}
		s.most = max(s.most, n)
	}
}

// follow counts the events of a watch on the load's writes, from a revision on, and keeps the newest revision
// in told.
func follow(ctx context.Context, cli *clientv3.Client, revision int64, told *atomic.Int64) (events int, err error) {
	last := revision - 1
	for resp := range cli.Watch(ctx, "/registry/leases/load/", clientv3.WithPrefix(), clientv3.WithRev(revision)) {
		if resp.Err() != nil {
			return events, resp.Err()
		}
		for _, e := range resp.Events {
			if e.Kv.ModRevision <= last {
				return events, fmt.Errorf("revision %d comes after %d", e.Kv.ModRevision, last)
			}
			last = e.Kv.ModRevision
			events++
			told.Store(last)
		}
	}
	return events, nil
}

// TestDefragWindow is a week at high speed: compaction, then a window, under a load of writes and watches.
func TestDefragWindow(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	bloat(t, c, 3000)
	p := newPatient(t, c, small)
	compactor := &compact.Compactor{Cluster: p.Cluster, Keep: time.Second, Path: filepath.Join(t.TempDir(), "revisions.json"), Log: p.Log}
	cli := c.Client(t)
	start, err := cli.Get(t.Context(), "none")
	if err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	load := c.Load(t, 200)
	var wg sync.WaitGroup
	var seen sampler
	wg.Go(func() { seen.watch(ctx, client.Connect(t, c), c) })
	watched, told := make([]int, 3), make([]atomic.Int64, 3)
	for i := range watched {
		wg.Go(func() {
			var err error
			if watched[i], err = follow(ctx, cli, start.Header.Revision+1, &told[i]); err != nil && ctx.Err() == nil {
				t.Errorf("watch %d: %v", i, err)
			}
		})
	}
	compacted := 0
	client.Await(t, "compact three times", func() bool {
		done, err := compactor.Run(t.Context())
		if err != nil {
			t.Error(err)
		}
		if done.Needed() {
			compacted++
		}
		return compacted >= 3
	})
	led := c.Leader(t)
	between, writes := 0, 0
	p.Between = func(context.Context) {
		if between++; between < 2 {
			return
		}
		// Both followers are done. The leader's turn gets a load of its own.
		stats := load.Stop()
		if writes = stats.Writes; stats.Errors > 0 {
			t.Errorf("of %d writes %d attempts failed while followers were away", stats.Writes, stats.Errors)
		}
		t.Logf("followers: %d writes, the longest waited %s", stats.Writes, stats.LongestStall)
		load = c.Load(t, 200)
	}
	out, err := p.run(t.Context(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	stats := load.Stop()
	writes += stats.Writes
	last, err := cli.Get(t.Context(), "/registry/leases/load/", clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByModRevision, clientv3.SortDescend), clientv3.WithLimit(1))
	if err != nil {
		t.Fatal(err)
	}
	client.Await(t, "the watches to be told", func() bool {
		for i := range told {
			if told[i].Load() < last.Kvs[0].ModRevision {
				return false
			}
		}
		return true
	})
	stop()
	wg.Wait()

	for _, m := range out.Members {
		t.Logf("%s: %d bytes, then %d with %d in use, in %s; led by %s, %s, %s", m.Name, m.Before, m.After, m.InUse, m.Took.Round(time.Millisecond), m.LedBefore, m.LedDuring, m.LedAfter)
		if float64(m.After) > 1.1*float64(m.InUse) {
			t.Errorf("%s has %d bytes, of which %d are in use", m.Name, m.After, m.InUse)
		}
		if m.LedDuring == m.Name || m.LedDuring == "" || m.After >= m.Before {
			t.Errorf("%+v", m)
		}
	}
	if got := out.names(); len(got) != 3 || got[2] != led.Name || out.Members[2].LedBefore != led.Name {
		t.Errorf("done were %v, and %s led", got, led.Name)
	}
	if between != 2 {
		t.Errorf("between members it was called %d times", between)
	}
	if seen.most > 1 || seen.leading != "" {
		t.Errorf("from outside %d members were seen away at once, and %q while it led", seen.most, seen.leading)
	}
	times := defragmentations(t, c)
	for i, a := range times {
		if i > 0 && a.begin.Before(times[i-1].end) {
			t.Errorf("%s was away before %s was back", a.member.Name, times[i-1].member.Name)
		}
	}
	if len(times) != 3 {
		t.Errorf("the members' logs tell of %d defragmentations", len(times))
	}
	// raft drops what reaches a leader in the moment in which it hands over, as at every stop of one. Clients try again.
	if stats.GivenUp > 0 || stats.Errors > 10 || writes < 200 {
		t.Errorf("%d writes, %d attempts failed, %d given up", writes, stats.Errors, stats.GivenUp)
	}
	for i, n := range watched {
		if n < writes {
			t.Errorf("watch %d was told %d of %d writes", i, n, writes)
		}
	}
	t.Logf("leader: %d writes, %d attempts failed, the longest waited %s", stats.Writes, stats.Errors, stats.LongestStall)
}

// quietHash is the hash of all members, which must be one.
func quietHash(t testing.TB, own *etcd.Cluster) {
	t.Helper()
	r := &defragRun{Defragmenter: &Defragmenter{Cluster: own, Log: slog.New(slog.DiscardHandler)}}
	survey, err := own.Survey(t.Context())
	if err == nil {
		err = r.agree(t.Context(), survey)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestDefragShortWindow(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	bloat(t, c, 1500)
	p := newPatient(t, c, small)
	led := c.Leader(t)
	plan, err := p.Plan(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	p.LookEvery = 20 * time.Millisecond
	// Each is estimated at a little over two seconds, and takes less: with such a pause the third would end after 22 or more. The second
	// fits in as long as the first takes less than nine.
	p.Rules.Pause = 10 * time.Second
	out, err := p.run(t.Context(), time.Now().Add(21*time.Second))
	if !errors.Is(err, agent.ErrPartial) || !strings.Contains(fmt.Sprint(err), led.Name+" left: the window is too short") {
		t.Errorf("error is %v", err)
	}
	if got := out.names(); len(got) != 2 || slices.Contains(got, led.Name) {
		t.Fatalf("done were %v of %s", got, toldPlan(plan))
	}
	if why := reason(out.Plan, led.Name); !strings.HasPrefix(why, "left: the window is too short") {
		t.Errorf("the third: %s", why)
	}
	// In the meantime another member gets more to gain. Still, the member that was left comes first, on another
	// host too.
	bloat(t, c, 1500)
	next := newPatient(t, c, small)
	out, err = next.run(t.Context(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got := out.names(); len(got) != 3 || got[0] != led.Name {
		t.Errorf("next time done were %v, and %s had been left", got, led.Name)
	}
	if plan, err = next.Plan(t.Context(), time.Time{}); err != nil || len(plan.With(Enough)) != 3 {
		t.Errorf("afterwards the plan is %s, %v", toldPlan(plan), err)
	}
}

// toldPlan shows a plan in one line.
func toldPlan(p Plan) string {
	var parts []string
	for _, s := range p.Steps {
		parts = append(parts, fmt.Sprintf("%s %s", s.Member.Name, s.Verdict))
	}
	return strings.Join(parts, ", ")
}
