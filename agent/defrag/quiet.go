package defrag

import (
	"context"
	"log/slog"
	"time"

	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/etcd"
)

const (
	// underwayBound is how long a job waits for a defragmentation that outlived its agent. A snapshot of another member must not wait
	// forever because one member does not come back.
	underwayBound = 2 * time.Minute
	underwayPoll  = time.Second
)

// Quiet keeps jobs from overlapping a defragmentation whose agent was killed.
type Quiet struct {
	Cluster *etcd.Cluster
	Log     *slog.Logger
}

// Await waits until no member is in the middle of a defragmentation whose agent was killed: the member goes on with it even
// after the lock has lapsed. The error is the cause of ctx's end.
func (q Quiet) Await(ctx context.Context, l *etcd.Lock) error {
	var book ledger
	if found, err := l.Recall(ctx, ledgerName, &book); !found || err != nil || book.Underway == "" {
		return cancellation.Cause(ctx)
	}
	within, cancel := context.WithTimeout(ctx, underwayBound)
	defer cancel()
	tick := time.NewTicker(underwayPoll)
	defer tick.Stop()
	for said := false; q.hangs(ctx, book.Underway); said = true {
		if !said {
			q.Log.Warn("a defragmentation outlived its agent, waiting for it", "member", book.Underway)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-within.Done():
			q.Log.Error("member has not come back from its defragmentation", "member", book.Underway, "waited", underwayBound)
			return nil
		case <-tick.C:
		}
	}
	return cancellation.Cause(ctx)
}

// hangs reports whether a member takes calls and answers none. A member that is down does not count, since it does
// no work that another job could overlap.
func (q Quiet) hangs(ctx context.Context, name string) bool {
	survey, err := q.Cluster.Survey(ctx)
	if err != nil {
		return false
	}
	m, found := survey.Named(name)
	if !found {
		return false
	}
	if m.Err == nil {
		return etcd.Hangs(q.Cluster.Responds(ctx, m))
	}
	return etcd.Hangs(m.Err)
}
