package round_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/etcdward/etcdward/agent/round"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
)

// advance changes the revision.
func advance(t *testing.T, cli *clientv3.Client) {
	t.Helper()
	if _, err := cli.Put(t.Context(), "/registry/advance", "x"); err != nil {
		t.Fatal(err)
	}
}

// listed counts the snapshots of the host's store.
func listed(t *testing.T, p *wire.Parts) int {
	t.Helper()
	listing, err := p.Stores[0].Catalog.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(listing.Snapshots)
}

// TestByHand holds what a round leaves out that a person asked for: it writes nothing into the cluster, waits for the agent at work, and
// prunes only if it is not told to keep all.
func TestByHand(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	cli := c.Client(t)
	h := host.New(t, c, "retention: {keep_within: 0, keep_last: 1}")
	p := h.Parts(t)
	r, err := p.Round(false)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		advance(t, cli)
		before, err := cli.Get(t.Context(), "etcdward/", clientv3.WithPrefix())
		if err != nil {
			t.Fatal(err)
		}
		result, err := r.Run(t.Context(), round.Options{ByHand: true, KeepAll: true})
		if err != nil || len(result.Stored) != 1 || !result.Manifest.Proven() {
			t.Fatalf("round %d: %+v, %v", n, result, err)
		}
		after, err := cli.Get(t.Context(), "etcdward/", clientv3.WithPrefix())
		if err != nil || after.Header.Revision != before.Header.Revision || len(after.Kvs) != 0 {
			t.Errorf("the cluster was changed: revision %d, then %d, %d keys, %v", before.Header.Revision, after.Header.Revision, len(after.Kvs), err)
		}
	}
	if got := listed(t, p); got != 3 {
		t.Errorf("%d snapshots are listed after three rounds that keep all", got)
	}
	advance(t, cli)
	if _, err := r.Run(t.Context(), round.Options{ByHand: true}); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, p); got != 1 {
		t.Errorf("%d snapshots are listed after a round that prunes", got)
	}
	coordinator, err := p.Coordinator()
	if err != nil {
		t.Fatal(err)
	}
	_, err = coordinator.RunNow(t.Context(), "defrag", nil, func(ctx context.Context) error {
		within, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := r.Run(within, round.Options{ByHand: true})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while another agent is at work: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestSlowStoreHoldsUpNothing checks that the cluster's lock is free while a snapshot is on its way to a store, and that an agent that
// reached none lets others go first.
func TestSlowStoreHoldsUpNothing(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 10)
	h := host.New(t, c)
	p := h.Parts(t)
	r, err := p.Round(false)
	if err != nil {
		t.Fatal(err)
	}
	r.Coordinator.Courtesy = 400 * time.Millisecond
	deliveries := 0
	r.Courier.Progress = func(step string, _, _ int64) {
		if !strings.HasPrefix(step, "store ") {
			return
		}
		deliveries++
		if who, held, err := r.Cluster.Holder(t.Context()); err != nil || held {
			t.Errorf("while it is delivered the lock is %v's, %v", who, err)
		}
	}
	run := func(due time.Time) error {
		_, err := r.Run(t.Context(), round.Options{Due: due})
		return err
	}
	due, cli := time.Now().Add(-time.Minute).Truncate(time.Second), c.Client(t)
	next := func() (time.Duration, error) {
		due = due.Add(time.Second)
		advance(t, cli)
		begun := time.Now()
		err := run(due)
		return time.Since(begun), err
	}
	if err := os.Rename(h.Store, h.Store+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := next(); err == nil {
		t.Error("no store has it, and there is no error")
	}
	if err := os.Rename(h.Store+".away", h.Store); err != nil {
		t.Fatal(err)
	}
	// Another host has taken the one that is due, and this one delivers what it could not before.
	begun := time.Now()
	if err := run(due); err != nil || time.Since(begun) < 400*time.Millisecond {
		t.Errorf("after it reached no store it waited %s for others, %v", time.Since(begun), err)
	}
	for _, store := range p.Observer().Status(t.Context(), time.Now()).Stores {
		if store.Spooled > 0 {
			t.Errorf("what waited was not delivered: %d", store.Spooled)
		}
	}
	if _, err := next(); err != nil {
		t.Error(err)
	}
	if took, err := next(); err != nil || deliveries < 3 {
		t.Errorf("%d deliveries, the last in %s, %v", deliveries, took, err)
	}
	if got := listed(t, p); got != 3 {
		t.Errorf("%d are listed", got)
	}
}
