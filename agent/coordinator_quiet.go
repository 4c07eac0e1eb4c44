package agent

import (
	"context"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
)

const (
	// quietBound is how long a job waits for a defragmentation that outlived its agent. A snapshot of another member must not wait
	// for ever because one does not come back.
	quietBound = 2 * time.Minute
	quietPoll  = time.Second
)

// quiet waits until no member is in the middle of a defragmentation whose agent was killed: the member goes on with it when
// the lock has lapsed already. The error is the cause of ctx's end.
func (c *Coordinator) quiet(ctx context.Context, l *etcd.Lock) error {
	var book ledger
	if found, err := l.Recall(ctx, ledgerName, &book); !found || err != nil || book.Underway == "" {
		return cause(ctx)
	}
	within, cancel := context.WithTimeout(ctx, quietBound)
	defer cancel()
	tick := time.NewTicker(quietPoll)
	defer tick.Stop()
	for said := false; c.hangs(ctx, book.Underway); said = true {
		if !said {
			c.Log.Warn("a defragmentation outlived its agent, waiting for it", "member", book.Underway)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-within.Done():
			c.Log.Error("member does not come back from its defragmentation", "member", book.Underway, "waited", quietBound)
			return nil
		case <-tick.C:
		}
	}
	return cause(ctx)
}

// hangs says whether a member takes calls and answers none. One that is down is no work that could be overlapped.
func (c *Coordinator) hangs(ctx context.Context, name string) bool {
	survey, err := c.Cluster.Survey(ctx)
	if err != nil {
		return false
	}
	i := slices.IndexFunc(survey.Members, func(m etcd.Member) bool { return m.Name == name })
	if i < 0 {
		return false
	}
	if m := survey.Members[i]; m.Err == nil {
		return etcd.Hangs(c.Cluster.Responds(ctx, m))
	}
	return etcd.Hangs(survey.Members[i].Err)
}

func cause(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
