package etcd

import (
	"context"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/cluster"
)

// memberNamed is a member as a survey shows it.
func memberNamed(t *testing.T, agent *Cluster, name string) Member {
	t.Helper()
	s, err := agent.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Members {
		if m.Name == name && m.Err == nil {
			return m
		}
	}
	t.Fatalf("no member %s answers in %+v", name, s)
	return Member{}
}

func TestHistoryAndCompact(t *testing.T) {
	for _, version := range cluster.Versions {
		t.Run(version, func(t *testing.T) {
			c := cluster.Start(t, cluster.Options{Version: version, Members: 1, Args: []string{cluster.NoFsync}})
			agent, cli := connect(t, c), c.Client(t)
			var newest int64
			for i := range 20 {
				put, err := cli.Put(t.Context(), "/registry/a", strconv.Itoa(i))
				if err != nil {
					t.Fatal(err)
				}
				newest = put.Header.Revision
			}
			h, err := agent.History(t.Context())
			if err != nil || h.Revision != newest || h.Compacted != 0 || h.APIServer != 0 || h.APIServerAt != 0 || h.ClusterID == 0 {
				t.Fatalf("before any compaction: %+v, %v", h, err)
			}
			if already, err := agent.Compact(t.Context(), 10); already || err != nil {
				t.Fatalf("compact: %t, %v", already, err)
			}
			for _, again := range []int64{10, 5} {
				if already, err := agent.Compact(t.Context(), again); !already || err != nil {
					t.Errorf("compact to %d after 10: %t, %v", again, already, err)
				}
			}
			if _, err := agent.Compact(t.Context(), newest+1000); err == nil {
				t.Error("it compacts to the future")
			}
			put, err := cli.Put(t.Context(), compactRevKey, "10")
			if err != nil {
				t.Fatal(err)
			}
			h, err = agent.History(t.Context())
			if err != nil || h.Compacted != 10 || h.APIServer != 10 || h.APIServerAt != put.Header.Revision {
				t.Errorf("after compaction: %+v, %v", h, err)
			}
			if _, revision, err := agent.Revision(t.Context()); err != nil || revision != put.Header.Revision {
				t.Errorf("revision is %d, %v", revision, err)
			}
			if _, err := agent.HashKV(t.Context(), memberNamed(t, agent, "m1"), 5, agent.pool.CallTimeout()); !IsCompacted(err) {
				t.Errorf("the hash of what went: %v", err)
			}
		})
	}
}

func TestGauges(t *testing.T) {
	for _, version := range cluster.Versions {
		t.Run(version, func(t *testing.T) {
			c := cluster.Start(t, cluster.Options{Version: version, Members: 1, Args: []string{cluster.NoFsync}, QuotaBytes: 64 << 20})
			c.FillKubernetes(t, 600)
			agent := connect(t, c)
			m := memberNamed(t, agent, "m1")
			g, err := agent.Gauges(t.Context(), m)
			if err != nil || g.OpenSnapshots != 0 || g.Defragmenting || g.Quota != 64<<20 {
				t.Fatalf("at rest: %+v, %v", g, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stalled := newStalled()
			streamed := make(chan error)
			go func() {
				_, err := agent.Snapshot(ctx, m, stalled, nil)
				streamed <- err
			}()
			<-stalled.begun
			if g, err = agent.Gauges(t.Context(), m); err != nil || g.OpenSnapshots != 1 {
				t.Errorf("with an open snapshot: %+v, %v", g, err)
			}
			close(stalled.release)
			if err := <-streamed; err != nil {
				t.Error(err)
			}
			await.Until(t, time.Minute, "see the snapshot's end", func() bool {
				g, err := agent.Gauges(t.Context(), m)
				return err == nil && g.OpenSnapshots == 0
			})
		})
	}
}

// stalled is a reader of a snapshot that stops after the first bytes, until it is released.
type stalled struct{ begun, release chan struct{} }

func newStalled() *stalled { return &stalled{make(chan struct{}), make(chan struct{})} }

func (s *stalled) Write(p []byte) (int, error) {
	select {
	case <-s.begun:
	default:
		close(s.begun)
	}
	<-s.release
	return io.Discard.Write(p)
}

func TestParseGauges(t *testing.T) {
	g, err := parseGauges(strings.NewReader(`# HELP grpc_server_started_total Total.
grpc_server_started_total{grpc_method="Snapshot",grpc_service="etcdserverpb.Maintenance",grpc_type="server_stream"} 7
grpc_server_started_total{grpc_method="Status",grpc_service="etcdserverpb.Maintenance",grpc_type="unary"} 900
grpc_server_handled_total{grpc_code="OK",grpc_method="Snapshot",grpc_service="etcdserverpb.Maintenance",grpc_type="server_stream"} 3
grpc_server_handled_total{grpc_code="Canceled",grpc_method="Snapshot",grpc_service="etcdserverpb.Maintenance",grpc_type="server_stream"} 2
etcd_disk_defrag_inflight 1
etcd_server_quota_backend_bytes 8.589934592e+09
etcd_server_leader_changes_seen_total 3
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 90
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.002"} 99
etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} 100
etcd_disk_wal_fsync_duration_seconds_sum 0.125
etcd_disk_wal_fsync_duration_seconds_count 100
odd line
`))
	want := Gauges{OpenSnapshots: 2, Defragmenting: true, Quota: 8 << 30, LeaderChanges: 3,
		Sync: Durations{Count: 100, Sum: 0.125, Buckets: map[float64]uint64{0.001: 90, 0.002: 99}}}
	if err != nil || !reflect.DeepEqual(g, want) {
		t.Errorf("%+v, %v", g, err)
	}
}

// TestParseOtherGauges checks that what is not etcd's own count of snapshots is not taken for none.
func TestParseOtherGauges(t *testing.T) {
	for _, text := range []string{"", "<html>hello</html>", "etcd_server_quota_backend_bytes 8.5e+09\n"} {
		if g, err := parseGauges(strings.NewReader(text)); err == nil {
			t.Errorf("%q gives %+v", text, g)
		}
	}
}

func TestRespondsAndMoveLeader(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	agent := connect(t, c)
	leader, follower := c.Leader(t), c.Followers(t)[0]
	from, to := memberNamed(t, agent, leader.Name), memberNamed(t, agent, follower.Name)
	if err := agent.MoveLeader(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	if now := c.Leader(t); now != follower {
		t.Errorf("%s leads, want %s", now.Name, follower.Name)
	}
	if err := agent.Defragment(t.Context(), from, agent.pool.CallTimeout()); err != nil {
		t.Error(err)
	}
	if err := agent.Responds(t.Context(), from); err != nil {
		t.Error(err)
	}
	leader.Pause()
	if err := agent.Responds(t.Context(), from); err == nil || !Hangs(err) {
		t.Errorf("a frozen member: %v", err)
	}
	leader.Resume()
	leader.Kill()
	if err := agent.Responds(t.Context(), from); err == nil || Hangs(err) {
		t.Errorf("a dead member: %v", err)
	}
	leader.Start()
}
