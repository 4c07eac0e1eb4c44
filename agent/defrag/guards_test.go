package defrag

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/test/client"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestDefragOldVersion has Debian's own etcd, whose defragmentation can corrupt its data.
func TestDefragOldVersion(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Version: cluster.Old})
	c.FillKubernetes(t, 50)
	rules := small
	rules.MinReclaimable, rules.MinRatio = 0, 0
	p := newPatient(t, c, rules)
	out, err := p.run(t.Context(), time.Time{})
	if !errors.Is(err, agent.ErrPartial) || !strings.Contains(err.Error(), "#20271") || len(out.Members) > 0 {
		t.Errorf("done were %v, %v", out.names(), err)
	}
	if times := defragmentations(t, c); len(times) > 0 {
		t.Errorf("a member was defragmented all the same: %+v", times)
	}
	p.Rules.Force = true
	if out, err := p.run(t.Context(), time.Time{}); err != nil || len(out.Members) != 3 {
		t.Errorf("forced, done were %v, %v", out.names(), err)
	}
}

// TestDefragLearnerAndDisk has a learner that cannot catch up, and then a disk that is too small.
func TestDefragLearnerAndDisk(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	bloat(t, c, 1500)
	p := newPatient(t, c, small)
	learner := c.AddLearner(t)
	c.Isolate(t, learner)
	cli := c.Client(t)
	var writers errgroup.Group
	writers.SetLimit(50)
	for i := range etcd.MaxLag + 100 {
		writers.Go(func() error {
			_, err := cli.Put(t.Context(), fmt.Sprintf("/registry/leases/behind/%d", i), "x")
			return err
		})
	}
	if err := writers.Wait(); err != nil {
		t.Fatal(err)
	}
	want := "member " + learner.Name + " is a learner that is catching up"
	client.Await(t, "the guard for a learner", func() bool {
		out, err := p.run(t.Context(), time.Time{})
		return errors.Is(err, agent.ErrPartial) && strings.Contains(err.Error(), want) && len(out.Members) == 0
	})
	c.Heal(t, learner)
	client.Await(t, "the learner to catch up", func() bool {
		survey, err := p.Cluster.Survey(t.Context())
		return err == nil && survey.Member(learner.ID).RaftApplied >= survey.LeaderMember().RaftIndex
	})

	follower := c.Followers(t)[0]
	p.FreeDisk = func(m etcd.Member) (int64, bool) { return 1 << 20, m.Name == follower.Name }
	out, err := p.run(t.Context(), time.Time{})
	if why := reason(out.Plan, follower.Name); !errors.Is(err, agent.ErrPartial) || !strings.HasPrefix(why, "left: ") || !strings.Contains(why, "free") {
		t.Errorf("error is %v, and %s is %s", err, follower.Name, why)
	}
	if len(out.Members) != 2 {
		t.Errorf("done were %v", out.names())
	}
}

// TestDefragLockLost takes the lock from the agent between two members: it begins no other.
func TestDefragLockLost(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	bloat(t, c, 1500)
	p := newPatient(t, c, small)
	cli := c.Client(t)
	p.Between = func(ctx context.Context) {
		lock, err := cli.Get(ctx, "etcdward/lock")
		if err != nil || len(lock.Kvs) != 1 {
			t.Errorf("no lock is there: %v", err)
			return
		}
		if _, err := cli.Revoke(ctx, clientv3.LeaseID(lock.Kvs[0].Lease)); err != nil {
			t.Error(err)
		}
	}
	out, err := p.run(t.Context(), time.Time{})
	if !errors.Is(err, etcd.ErrLockLost) || len(out.Members) != 1 {
		t.Errorf("done were %v, %v", out.names(), err)
	}
	if times := defragmentations(t, c); len(times) != 1 {
		t.Errorf("the members' logs tell of %d defragmentations", len(times))
	}
}

// TestDefragPauseOutlastsWindow checks that the rest are left with their reason at once, and not at the window's end with an error.
func TestDefragPauseOutlastsWindow(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	bloat(t, c, 1500)
	rules := small
	rules.Pause = time.Hour
	p := newPatient(t, c, rules)
	begun := time.Now()
	out, err := p.run(t.Context(), begun.Add(30*time.Minute))
	if !errors.Is(err, agent.ErrPartial) || len(out.Members) != 1 || time.Since(begun) > 20*time.Minute {
		t.Errorf("done were %v, %v", out.names(), err)
	}
	for _, m := range c.Members {
		if why := reason(out.Plan, m.Name); m.Name != out.Members[0].Name && !strings.HasPrefix(why, "left: the window is too short") {
			t.Errorf("%s is %s", m.Name, why)
		}
	}
}
