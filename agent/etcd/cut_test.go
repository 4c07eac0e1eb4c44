package etcd

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/cluster"
)

// TestCutCall checks that the error of a call that the caller ends names that, and does not claim that the
// member is away.
func TestCutCall(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	agent := connect(t, c)
	m := memberNamed(t, agent, c.Members[0].Name)
	c.Members[0].Pause()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	time.AfterFunc(100*time.Millisecond, cancel)
	if err := agent.Defragment(ctx, m, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("cut, it says %v", err)
	}
	lost := errors.New("something else")
	ctx, end := context.WithCancelCause(t.Context())
	end(lost)
	if err := agent.Responds(ctx, m); !errors.Is(err, lost) {
		t.Errorf("cut for a reason, it says %v", err)
	}
	c.Members[0].Resume()
}
