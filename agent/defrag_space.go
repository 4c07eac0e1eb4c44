package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/defrag"
	"github.com/etcdward/etcdward/agent/etcd"
)

// makeSpace compacts while NOSPACE is raised: the API server's own compactor has to write for that, and cannot.
func (r *defragRun) makeSpace(ctx context.Context) error {
	survey, err := r.Cluster.Survey(ctx)
	if err != nil {
		return err
	}
	if !defrag.NoSpace(survey) || r.Compactor == nil {
		return nil
	}
	done, err := r.Compactor.Run(ctx)
	if err != nil {
		// There may be something to gain without it.
		r.Log.Warn("history not compacted", "error", err)
		return nil
	}
	r.out.Compaction = &done
	if !done.Needed() {
		return nil
	}
	return r.awaitRemoval(ctx)
}

const (
	removalPoll  = time.Second
	removalBound = 5 * time.Minute
)

// awaitRemoval waits until the members have removed what was compacted, which they do in the background: the space in use falls no
// more.
func (r *defragRun) awaitRemoval(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, removalBound, fmt.Errorf("members still remove what was compacted after %s", removalBound))
	defer cancel()
	tick := time.NewTicker(removalPoll)
	defer tick.Stop()
	for before := int64(0); ; {
		survey, err := r.Cluster.Survey(ctx)
		if err != nil {
			return err
		}
		var used int64
		for _, m := range survey.Members {
			used += m.DBInUse
		}
		if before > 0 && used >= before {
			return nil
		}
		before = used
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// disarm takes NOSPACE back once every member is below its quota. One that is not would raise it again at once.
func (r *defragRun) disarm(ctx context.Context) error {
	facts, err := r.look(ctx, r.book, r.closes)
	if err != nil {
		return fmt.Errorf("defragment: %w", err)
	}
	if !defrag.NoSpace(facts.Survey) {
		return nil
	}
	var over []string
	for _, m := range facts.Survey.Members {
		if !defrag.BelowQuota(m, facts.Quota) {
			over = append(over, m.Name)
		}
	}
	if len(over) > 0 {
		return fmt.Errorf("defragment: %w: NOSPACE stays: not far enough below its quota, or its quota is not known: %s", ErrPartial, strings.Join(over, ", "))
	}
	for _, m := range facts.Survey.Members {
		if !slices.Contains(m.Alarms, etcd.AlarmNoSpace) {
			continue
		}
		if err := r.Cluster.DisarmNoSpace(ctx, m); err != nil {
			return fmt.Errorf("defragment: %w", err)
		}
		r.out.Disarmed = append(r.out.Disarmed, m.Name)
		r.Log.Info("NOSPACE disarmed", "member", m.Name)
	}
	return nil
}
