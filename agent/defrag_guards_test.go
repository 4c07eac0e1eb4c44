package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestDefragOldVersion has Debian's own etcd, whose defragmentation can corrupt its data.
func TestDefragOldVersion(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Version: cluster.Old})
	c.FillKubernetes(t, 50)
	rules := small
	rules.MinReclaimable, rules.MinRatio = 0, 0
	p := newPatient(t, c, rules)
	out, err := p.run(t.Context(), time.Time{})
	if !errors.Is(err, ErrPartial) || !strings.Contains(err.Error(), "#20271") || len(out.Members) > 0 {
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
	await(t, "the guard for a learner", func() bool {
		out, err := p.run(t.Context(), time.Time{})
		return errors.Is(err, ErrPartial) && strings.Contains(err.Error(), want) && len(out.Members) == 0
	})
	c.Heal(t, learner)
	await(t, "the learner to catch up", func() bool {
		survey, err := p.Cluster.Survey(t.Context())
		return err == nil && memberOf(survey, learner.ID).RaftApplied >= memberOf(survey, survey.Leader).RaftIndex
	})

	follower := c.Followers(t)[0]
	p.FreeDisk = func(m etcd.Member) (int64, bool) { return 1 << 20, m.Name == follower.Name }
	out, err := p.run(t.Context(), time.Time{})
	if why := reason(out.Plan, follower.Name); !errors.Is(err, ErrPartial) || !strings.HasPrefix(why, "left: ") || !strings.Contains(why, "free") {
		t.Errorf("error is %v, and %s is %s", err, follower.Name, why)
	}
	if len(out.Members) != 2 {
		t.Errorf("done were %v", out.names())
	}
}

// TestBesideTheLock holds that work which does not disturb the cluster happens once, and holds up nothing.
func TestBesideTheLock(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	coords := make([]*Coordinator, 2)
	for i := range coords {
		coords[i] = newPatient(t, c, small).coord
		coords[i].Host = fmt.Sprintf("host-%d", i)
	}
	due := time.Now().Add(-time.Second)
	verify := DueRun{Job: "verify", Due: due, Beside: true}
	ran, err := coords[0].Attend(t.Context(), verify, func(ctx context.Context) error {
		if etcd.LockOf(ctx) == nil {
			t.Error("it runs without a lock")
		}
		who, held, err := coords[1].Cluster.Holder(ctx)
		if err != nil || held {
			t.Errorf("the cluster's lock is %v's, %v", who, err)
		}
		ran, err := coords[1].Attend(ctx, DueRun{Job: "snapshot", Due: due}, func(context.Context) error { return nil })
		if !ran || err != nil {
			t.Errorf("a snapshot meanwhile: %t, %v", ran, err)
		}
		return nil
	})
	if !ran || err != nil {
		t.Fatalf("it ran: %t, %v", ran, err)
	}
	ran, err = coords[1].Attend(t.Context(), verify, func(context.Context) error {
		t.Error("it happens again")
		return nil
	})
	if ran || err != nil {
		t.Errorf("the other host: %t, %v", ran, err)
	}
}
