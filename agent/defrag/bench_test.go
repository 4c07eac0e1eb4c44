package defrag

import (
	"context"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/cluster"
)

// benchObjects make a database of some 200 MiB: enough that a member that is defragmented is missed.
const benchObjects = 40000

// BenchmarkDefragStall compares how long clients wait while all members are defragmented, with etcdctl defrag --cluster on the same
// data in the same run.
//
// What is sent to a member waits while that member is away, whoever leads: that is the same with both. The difference is what happens to
// everybody else, while the leader is away: the outage is how long no member acknowledges any write. Here the members share one disk,
// so that a leader that syncs waits for whoever defragments; the second part leaves the syncing out. A write that is dropped as
// leadership moves waits for etcd's own timeout, 5 s and two elections.
func BenchmarkDefragStall(b *testing.B) {
	b.Run("one disk for all", func(b *testing.B) { benchmarkStall(b) })
	b.Run("no disk in the way", func(b *testing.B) { benchmarkStall(b, cluster.NoFsync) })
}

func benchmarkStall(b *testing.B, args ...string) {
	for b.Loop() {
		c := cluster.Start(b, cluster.Options{Args: args})
		c.FillKubernetes(b, benchObjects)
		rules := small
		rules.Force, rules.Pause = true, 2*time.Second
		p := newPatient(b, c, rules)
		survey, err := p.Cluster.Survey(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%d MiB on each of 3 members, 200 writes a second", survey.Members[0].DBSize>>20)
		measure := func(name string, work func()) (cluster.Stats, time.Duration) {
			load, leases := c.Load(b, 200), keepLeases(b, c)
			begun := time.Now()
			work()
			took := time.Since(begun)
			stats, renewal := load.Stop(), leases()
			b.Logf("%-25s %6.1f s, outage %8s, longest wait of a write %8s, p99 %8s, of a renewal %8s; %d writes, %d attempts failed, %d given up", name,
				took.Seconds(), stats.Outage.Round(time.Millisecond), stats.LongestStall.Round(time.Millisecond), stats.P99.Round(time.Millisecond),
				renewal.Round(time.Millisecond), stats.Writes, stats.Errors, stats.GivenUp)
			if stats.GivenUp > 0 {
				b.Errorf("%s: %d writes were given up", name, stats.GivenUp)
			}
			return stats, renewal
		}
		theirs, theirsLease := measure("etcdctl defrag --cluster", func() {
			c.Etcdctl(b, "--command-timeout=2m", "defrag", "--cluster")
		})
		ours, oursLease := measure("etcdward defrag", func() {
			out, err := p.run(b.Context(), time.Time{})
			if err != nil || len(out.Members) != 3 {
				b.Errorf("done were %v, %v", out.names(), err)
			}
		})
		b.ReportMetric(ours.Outage.Seconds(), "outage-s")
		b.ReportMetric(ours.Outage.Seconds()/theirs.Outage.Seconds(), "outage/etcdctl-outage")
		b.ReportMetric(ours.LongestStall.Seconds(), "stall-s")
		b.ReportMetric(ours.LongestStall.Seconds()/theirs.LongestStall.Seconds(), "stall/etcdctl-stall")
		b.ReportMetric(oursLease.Seconds(), "renewal-s")
		b.ReportMetric(oursLease.Seconds()/theirsLease.Seconds(), "renewal/etcdctl-renewal")
	}
}

// keepLeases renews a lease every 50 ms, as all controllers together do, until the func it returns is called, which gives the
// longest wait of a renewal.
func keepLeases(b *testing.B, c *cluster.Cluster) func() time.Duration {
	cli := c.Client(b)
	lease, err := cli.Grant(b.Context(), 600)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	longest := make(chan time.Duration, 1)
	go func() {
		var worst time.Duration
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for due := time.Now(); ctx.Err() == nil; {
			within, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			_, err := cli.KeepAliveOnce(within, lease.ID)
			done()
			worst = max(worst, time.Since(due))
			if err == nil {
				due = <-tick.C
			}
		}
		longest <- worst
	}()
	return func() time.Duration {
		cancel()
		return <-longest
	}
}
