package daemon

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/schedule"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
)

// bloated is a cluster whose files are mostly empty, and a host whose thresholds are small.
func bloated(t *testing.T) host.Host {
	t.Helper()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	cli := c.Client(t)
	value := strings.Repeat("x", 32<<10)
	for i := range 300 {
		if _, err := cli.Put(t.Context(), "/registry/configmaps/big-"+strconv.Itoa(i%3), value); err != nil {
			t.Fatal(err)
		}
	}
	return host.New(t, c, "compaction: {keep: 0s}", "defrag: {min_reclaimable: 1MiB, pause: 0s}")
}

// TestDeliveryBesideWindow has a snapshot come due between two members: the next does not wait for its store, and the run does not end before
// it is there.
func TestDeliveryBesideWindow(t *testing.T) {
	h := bloated(t)
	p := h.Parts(t)
	care, err := p.Upkeep()
	if err != nil {
		t.Fatal(err)
	}
	care.Defragmenter.Rules.Force = true
	snapshots, err := p.Round(false)
	if err != nil {
		t.Fatal(err)
	}
	nested := snapshotJob(snapshots)
	due, yields := time.Now().Add(-time.Minute), 0
	err = defragJob(care)(t.Context(), schedule.Run{Due: due, Closes: time.Now().Add(time.Hour), Yield: func(ctx context.Context) {
		yields++
		// The run's context ends with the run.
		ctx, end := context.WithCancel(ctx)
		defer end()
		if err := nested(ctx, schedule.Run{Due: due.Add(time.Duration(yields) * time.Second)}); err != nil {
			t.Error(err)
		}
	}})
	if err != nil || yields == 0 {
		t.Errorf("%d snapshots between members, %v", yields, err)
	}
	listing, err := p.Stores[0].Catalog.List(t.Context())
	if err != nil || len(listing.Snapshots) != yields {
		t.Errorf("%d between members, %d listed, %v", yields, len(listing.Snapshots), err)
	}
}
