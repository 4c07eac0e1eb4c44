package defrag

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/coordination"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/test/client"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestDefragGuards takes one real disturbance after the other; the decision's own test has all of them.
func TestDefragGuards(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	bloat(t, c, 1500)
	p := newPatient(t, c, small)
	follower := c.Followers(t)[0]
	held := func(t *testing.T, want string) {
		t.Helper()
		out, err := p.run(t.Context(), time.Time{})
		if err == nil || !strings.Contains(err.Error(), want) || len(out.Members) > 0 {
			t.Errorf("done were %v; error is %v, want %q", out.names(), err, want)
		}
		for _, m := range c.Members {
			if why := reason(out.Plan, m.Name); !strings.HasPrefix(why, "left: ") {
				t.Errorf("%s is %s", m.Name, why)
			}
		}
	}
	t.Run("open snapshot", func(t *testing.T) {
		own := client.Connect(t, c)
		survey, err := own.Survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// The rest of the stream waits in the pipe for a reader.
		slow, dst := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := own.Snapshot(ctx, survey.Member(follower.ID), dst, nil)
			_ = dst.CloseWithError(err)
		})
		if _, err := slow.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		held(t, follower.Name+" serves open snapshots (1)")
		cancel()
		_ = slow.Close()
		wg.Wait()
	})
	t.Run("CORRUPT", func(t *testing.T) {
		alarm := func(action pb.AlarmRequest_AlarmAction) {
			t.Helper()
			_, err := pb.NewMaintenanceClient(follower.Client(t).ActiveConnection()).Alarm(t.Context(), &pb.AlarmRequest{Action: action, MemberID: follower.ID, Alarm: pb.AlarmType_CORRUPT})
			if err != nil {
				t.Fatal(err)
			}
		}
		alarm(pb.AlarmRequest_ACTIVATE)
		out, err := p.Defragmenter.Run(t.Context(), time.Time{}) // etcd takes no writes now, not even the lock's
		if !errors.Is(err, agent.ErrPartial) || !strings.Contains(err.Error(), follower.Name+" has the alarm CORRUPT") || len(out.Members) > 0 {
			t.Errorf("done were %v, %v", out.names(), err)
		}
		if _, err := p.run(t.Context(), time.Time{}); !errors.Is(err, coordination.ErrLockUnavailable) || !errors.Is(err, etcd.ErrCorrupt) {
			t.Errorf("under the lock: %v", err)
		}
		alarm(pb.AlarmRequest_DEACTIVATE)
	})
	t.Run("unhealthy peer", func(t *testing.T) {
		follower.Kill()
		held(t, "member "+follower.Name+" does not answer")
		follower.Start()
	})
	t.Run("hash mismatch", func(t *testing.T) {
		follower.Stop()
		changeOneByte(t, follower)
		follower.Start()
		held(t, "the members' data differ")
		if _, err := p.run(t.Context(), time.Time{}); !errors.Is(err, ErrDiverged) {
			t.Errorf("error is %v", err)
		}
	})
	if times := defragmentations(t, c); len(times) > 0 {
		t.Errorf("a member was defragmented all the same: %+v", times)
	}
}

// changeOneByte makes the newest value of a lease another one on one member only.
func changeOneByte(t *testing.T, m *cluster.Member) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(m.DataDir, "member", "snap", "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.Update(func(tx *bolt.Tx) error {
		keys := tx.Bucket([]byte("key"))
		for k, v := keys.Cursor().First(); k != nil; k, v = keys.Cursor().Seek(append(k, 0)) {
			if bytes.Contains(v, []byte("/registry/leases/")) && len(v) > 300 {
				changed := bytes.Clone(v)
				changed[len(changed)-1] ^= 1
				return keys.Put(bytes.Clone(k), changed)
			}
		}
		return errors.New("no lease is there to change")
	})
	if err != nil {
		t.Fatal(err)
	}
}

// stopInTheMiddle freezes the first member that is seen to write its new file. Which one that is depends on how much of each file is
// free, and etcd changes that in the background. A member whose new file is still there once it stands still has not ended.
func stopInTheMiddle(t *testing.T, c *cluster.Cluster) *cluster.Member {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		for _, m := range c.Members {
			if !writesNewFile(t, m) {
				continue
			}
			m.Pause()
			if !writesNewFile(t, m) {
				t.Fatalf("%s had ended before it could be stopped: it needs more data", m.Name)
			}
			return m
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("no member wrote a new file within a minute")
		}
	}
}

// writesNewFile reports whether the file that is to replace a member's database is there.
func writesNewFile(t *testing.T, m *cluster.Member) bool {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(m.DataDir, "member", "snap", "db.tmp*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found) > 0
}

// TestDefragMemberKilled kills the member that is being defragmented.
func TestDefragMemberKilled(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 6000) // much to copy, so that there is a middle to kill it in
	forced := small
	forced.Force = true
	p := newPatient(t, c, forced)
	p.Rules.Pause = 0

	var out Outcome
	var err error
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	defer func() { cancel(); <-ended }()
	go func() {
		defer close(ended)
		out, err = p.run(ctx, time.Time{})
	}()
	victim := stopInTheMiddle(t, c)
	victim.Kill()
	<-ended
	if err == nil || !strings.Contains(err.Error(), "defragment "+victim.Name) || len(out.Members) > 0 {
		t.Fatalf("done were %v; error is %v", out.names(), err)
	}
	t.Logf("it says: %v", err)
	// While it is away nothing is begun.
	if out, err = p.run(t.Context(), time.Time{}); !errors.Is(err, agent.ErrPartial) || len(out.Members) > 0 {
		t.Errorf("while it is away: %v, %v", out.names(), err)
	}
	victim.Start()
	quietHash(t, p.Cluster)
	next := newPatient(t, c, forced) // on another host
	if out, err = next.run(t.Context(), time.Time{}); err != nil || len(out.Members) != 3 || out.Members[0].Name != victim.Name {
		t.Errorf("next time done were %v, %v", out.names(), err)
	}
	quietHash(t, p.Cluster)
}

// TestDefragFreesSpace fills a cluster until it accepts no further writes. One run then makes it accept
// writes again.
func TestDefragFreesSpace(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.5", "3.6"} { // 3.5 tells its quota in its metrics only
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := cluster.Start(t, cluster.Options{Version: version, Args: []string{cluster.NoFsync}, QuotaBytes: 16 << 20})
			p := newPatient(t, c, Rules{MinReclaimable: 100 << 20, MinRatio: 0.2, MoveLeader: true})
			p.Compactor = &compact.Compactor{Cluster: p.Cluster, Keep: time.Second, Path: filepath.Join(t.TempDir(), "revisions.json"), Log: p.Log}
			cli := c.Client(t)
			value := strings.Repeat("x", 64<<10)
			for err := error(nil); !errors.Is(err, rpctypes.ErrNoSpace); {
				if _, err = cli.Put(t.Context(), "/registry/configmaps/big", value); err != nil && !errors.Is(err, rpctypes.ErrNoSpace) {
					t.Fatal(err)
				}
			}
			if err := p.Compactor.Note(t.Context()); err != nil {
				t.Fatal(err)
			}
			client.Await(t, "a note that is old enough", func() bool {
				plan, err := p.Compactor.Plan(t.Context())
				return err == nil && plan.Needed()
			})
			if _, err := p.coord.RunNow(t.Context(), "test", nil, func(context.Context) error { return nil }); !errors.Is(err, etcd.ErrNoSpace) || !errors.Is(err, coordination.ErrLockUnavailable) {
				t.Errorf("the lock without space: %v", err)
			}
			out, err := p.run(t.Context(), time.Time{})
			if err != nil || len(out.Members) != 3 || out.Compaction == nil || !out.Compaction.Needed() || len(out.Disarmed) == 0 {
				t.Fatalf("%+v, %v", out, err)
			}
			if _, err := cli.Put(t.Context(), "/registry/configmaps/big", value); err != nil {
				t.Errorf("a write afterwards: %v", err)
			}
			if out, err = p.run(t.Context(), time.Time{}); err != nil || len(out.Members) != 0 {
				t.Errorf("again: %v, %v", out.names(), err)
			}
		})
	}
}
