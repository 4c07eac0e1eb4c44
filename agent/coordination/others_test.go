package coordination

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/test/client"
	"github.com/etcdward/etcdward/test/cluster"
)

// agentOn is the coordinator of an agent on a host.
func agentOn(t *testing.T, c *cluster.Cluster, host string) *Coordinator {
	return &Coordinator{Cluster: client.Connect(t, c), Host: host, Log: slog.New(slog.DiscardHandler)}
}

// TestBesideTheLock checks that work which does not disturb the cluster happens once, and holds up nothing.
func TestBesideTheLock(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	coords := make([]*Coordinator, 2)
	for i := range coords {
		coords[i] = agentOn(t, c, fmt.Sprintf("host-%d", i))
	}
	due := time.Now().Add(-time.Second)
	verify := DueRun{Job: "verify", Due: due, OwnLock: true}
	ran, err := coords[0].RunDue(t.Context(), verify, func(ctx context.Context) error {
		if etcd.LockOf(ctx) == nil {
			t.Error("it runs without a lock")
		}
		who, held, err := coords[1].Cluster.Holder(ctx)
		if err != nil || held {
			t.Errorf("the cluster's lock is %v's, %v", who, err)
		}
		ran, err := coords[1].RunDue(ctx, DueRun{Job: "snapshot", Due: due}, func(context.Context) error { return nil })
		if !ran || err != nil {
			t.Errorf("a snapshot meanwhile: %t, %v", ran, err)
		}
		return nil
	})
	if !ran || err != nil {
		t.Fatalf("it ran: %t, %v", ran, err)
	}
	ran, err = coords[1].RunDue(t.Context(), verify, func(context.Context) error {
		t.Error("it happens again")
		return nil
	})
	if ran || err != nil {
		t.Errorf("the other host: %t, %v", ran, err)
	}
}

// TestWaitedForOthers has a host wait for the lock until its time is over, while another does the run.
func TestWaitedForOthers(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	one, two := agentOn(t, c, "one"), agentOn(t, c, "two")
	due := DueRun{Job: "defrag", Due: time.Now().Add(-time.Second)}
	wait := func(ctx context.Context, d DueRun) (bool, error) {
		within, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		return two.RunDue(within, d, func(context.Context) error { return errors.New("it ran") })
	}
	_, err := one.RunDue(t.Context(), due, func(ctx context.Context) error {
		outside := context.WithoutCancel(t.Context())
		if ran, err := wait(outside, due); ran || err != nil {
			t.Errorf("the run that the other is at: %t, %v", ran, err)
		}
		other := due
		other.Job = "compaction"
		if ran, err := wait(outside, other); ran || err == nil {
			t.Errorf("a run that nobody is at: %t, %v", ran, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
