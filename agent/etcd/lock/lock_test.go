package lock_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/etcd/connection"
	"github.com/etcdward/etcdward/agent/etcd/lock"
	"github.com/etcdward/etcdward/test/client"
	"github.com/etcdward/etcdward/test/cluster"
)

// shortTTL keeps the tests of lapsing locks short, and is still long enough for a busy machine.
const shortTTL = 3 * time.Second

// pool gives the connections beneath an agent's view.
func pool(t *testing.T, c *cluster.Cluster) *connection.Pool {
	t.Helper()
	p, err := connection.New(connection.Options{Endpoints: c.Endpoints(), CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func holder(host string) lock.Holder { return lock.Holder{Host: host, PID: os.Getpid(), Task: "test"} }

// brief is a holder whose lock lapses soon.
func brief(host string) lock.Holder {
	h := holder(host)
	h.TTL = shortTTL
	return h
}

func TestLock(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	t.Run("one at a time", func(t *testing.T) { oneAtATime(t, c) })
	t.Run("shows its holder", func(t *testing.T) { showsHolder(t, c) })
	t.Run("given back after cancel", func(t *testing.T) { givenBack(t, c) })
	t.Run("waiting ends with the context", func(t *testing.T) { waitingEnds(t, c) })
	t.Run("lapses when its holder is gone", func(t *testing.T) { lapses(t, c) })
	t.Run("lost when revoked", func(t *testing.T) { lostWhenRevoked(t, c) })
	t.Run("outlives a member", func(t *testing.T) { outlivesMember(t, c) })
	t.Run("no quorum", func(t *testing.T) { noQuorum(t, c) })
}

func oneAtATime(t *testing.T, c *cluster.Cluster) {
	var mu sync.Mutex
	inside, most, turns := 0, 0, 0
	var wg sync.WaitGroup
	for range 3 {
		agent := client.Connect(t, c)
		wg.Go(func() {
			for range 3 {
				err := agent.Hold(t.Context(), holder("a"), func(ctx context.Context, _ *lock.Lock) error {
					mu.Lock()
					inside++
					most = max(most, inside)
					mu.Unlock()
					err := agent.Responds(ctx, etcd.Member{Endpoint: c.Members[0].ClientURL}) // takes its time
					mu.Lock()
					defer mu.Unlock()
					inside--
					turns++
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if most != 1 || turns != 9 {
		t.Errorf("%d were inside at once in %d turns, want 1 in 9", most, turns)
	}
}

func showsHolder(t *testing.T, c *cluster.Cluster) {
	agent, other := client.Connect(t, c), client.Connect(t, c)
	err := agent.Hold(t.Context(), holder("cp-1"), func(ctx context.Context, l *lock.Lock) error {
		h, held, err := other.Holder(ctx)
		if err != nil || !held || h.Host != "cp-1" || h.Task != "test" || h.PID != os.Getpid() || time.Since(h.Since) > time.Minute {
			t.Errorf("holder is %+v, %t, %v", h, held, err)
		}
		if err := l.Task(ctx, "other work"); err != nil {
			t.Error(err)
		}
		if h, _, err = other.Holder(ctx); err != nil || h.Task != "other work" || h.Host != "cp-1" {
			t.Errorf("holder is %+v, %v", h, err)
		}
		if lock.Of(ctx) != l {
			t.Error("the context does not carry the lock")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if h, held, err := other.Holder(t.Context()); held || err != nil {
		t.Errorf("after the end it is held by %+v, %v", h, err)
	}
}

func givenBack(t *testing.T, c *cluster.Cluster) {
	agent, other := client.Connect(t, c), client.Connect(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	err := agent.Hold(ctx, holder("a"), func(ctx context.Context, _ *lock.Lock) error {
		cancel()
		<-ctx.Done()
		return context.Cause(ctx)
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, lock.ErrLost) {
		t.Errorf("error is %v", err)
	}
	if h, held, err := other.Holder(t.Context()); held || err != nil {
		t.Errorf("it is still held by %+v, %v", h, err)
	}
}

func waitingEnds(t *testing.T, c *cluster.Cluster) {
	agent, other := client.Connect(t, c), client.Connect(t, c)
	err := agent.Hold(t.Context(), holder("a"), func(ctx context.Context, _ *lock.Lock) error {
		within, cancel := context.WithTimeoutCause(ctx, 300*time.Millisecond, errors.New("enough"))
		defer cancel()
		return other.Hold(within, holder("b"), func(context.Context, *lock.Lock) error {
			t.Error("it was held twice")
			return nil
		})
	})
	if err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("error is %v", err)
	}
}

// lapses leaves a lock as a killed process does: nothing is given back.
func lapses(t *testing.T, c *cluster.Cluster) {
	gone, err := lock.Abandoned(t.Context(), connection.NewRoute(pool(t, c), c.Endpoints()), brief("gone"))
	if err != nil || gone == nil {
		t.Fatalf("lock %v, %v", gone, err)
	}
	begun := time.Now()
	err = client.Connect(t, c).Hold(t.Context(), holder("next"), func(ctx context.Context, _ *lock.Lock) error {
		// The fence: the old holder can no longer write.
		if err := gone.Keep(ctx, "test", "late"); !errors.Is(err, lock.ErrLost) {
			t.Errorf("the old holder writes: %v", err)
		}
		if err := gone.NoteRun(ctx, "test", lock.Run{}); !errors.Is(err, lock.ErrLost) {
			t.Errorf("the old holder notes: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took < shortTTL/3 || took > 10*shortTTL {
		t.Errorf("the next had it after %s", took)
	}
}

func lostWhenRevoked(t *testing.T, c *cluster.Cluster) {
	agent := client.Connect(t, c)
	long := holder("a")
	long.TTL = 4 * shortTTL // etcd says at the next renewal that it is lost, long before it would lapse
	begun := time.Now()
	defer func() {
		if took := time.Since(begun); took > 3*shortTTL {
			t.Errorf("the holder was told after %s", took)
		}
	}()
	err := agent.Hold(t.Context(), long, func(ctx context.Context, l *lock.Lock) error {
		l.Revoke(t.Context())
		return told(ctx)
	})
	if !errors.Is(err, lock.ErrLost) {
		t.Errorf("error is %v", err)
	}
}

// told waits until a holder is told that it has lost the lock, and returns the cause.
func told(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Minute):
		return errors.New("nobody told the holder")
	}
}

// outlivesMember kills the member through which the lock is renewed, twice its time to live before the end.
func outlivesMember(t *testing.T, c *cluster.Cluster) {
	agent := client.Connect(t, c)
	err := agent.Hold(t.Context(), brief("a"), func(ctx context.Context, l *lock.Lock) error {
		i := slices.IndexFunc(c.Members, func(m *cluster.Member) bool { return m.ClientURL == l.First() })
		c.Members[i].Kill()
		defer c.Members[i].Start()
		end := time.NewTimer(2 * shortTTL)
		defer end.Stop()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-end.C:
		}
		return l.Keep(ctx, "test", "still held")
	})
	if err != nil {
		t.Error(err)
	}
}

func noQuorum(t *testing.T, c *cluster.Cluster) {
	agent := client.Connect(t, c)
	err := agent.Hold(t.Context(), brief("a"), func(ctx context.Context, _ *lock.Lock) error {
		c.Members[0].Kill()
		c.Members[1].Kill()
		return told(ctx)
	})
	if !errors.Is(err, lock.ErrLost) {
		t.Errorf("the holder was told %v", err)
	}
	begun := time.Now()
	err = agent.Hold(t.Context(), holder("b"), func(context.Context, *lock.Lock) error { return nil })
	if !errors.Is(err, connection.ErrNoQuorum) {
		t.Errorf("error is %v", err)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("it took %s to say that there is no quorum", took)
	}
	c.Members[0].Start()
	c.Members[1].Start()
}

func TestLockNeedsSpace(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	agent := client.Connect(t, c)
	member := c.Members[0]
	// The alarm is what matters; raising it by hand saves filling a database.
	err := pool(t, c).Call(t.Context(), member.ClientURL, "raise alarm at", func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := pb.NewMaintenanceClient(conn).Alarm(ctx, &pb.AlarmRequest{Action: pb.AlarmRequest_ACTIVATE, MemberID: member.ID, Alarm: pb.AlarmType_NOSPACE})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	work := func(context.Context, *lock.Lock) error { return nil }
	if err := agent.Hold(t.Context(), holder("a"), work); !errors.Is(err, connection.ErrNoSpace) {
		t.Errorf("error is %v", err)
	}
	if err := agent.DisarmNoSpace(t.Context(), etcd.Member{ID: member.ID, Name: member.Name}); err != nil {
		t.Fatal(err)
	}
	if err := agent.Hold(t.Context(), holder("a"), work); err != nil {
		t.Errorf("after the alarm: %v", err)
	}
}
