package defrag

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
)

// look gathers the facts of one moment.
func (d *Defragmenter) look(ctx context.Context, book ledger, closes time.Time) (Facts, error) {
	survey, err := d.Cluster.Survey(ctx)
	if err != nil {
		return Facts{}, err
	}
	f := Facts{Survey: survey, First: book.Left, Pace: book.Pace, Closes: closes,
		Silent: map[string]error{}, OpenSnapshots: map[string]int{}, Unseen: map[string]error{}, FreeDisk: map[string]int64{}, Quota: map[string]int64{}}
	if only := d.Rules.Only; only != "" && !slices.ContainsFunc(survey.Members, func(m etcd.Member) bool { return m.Name == only }) {
		return f, fmt.Errorf("%w: %s", ErrNoMember, only)
	}
	f.Compacted = d.Compactor != nil && d.Compactor.Dated()
	var denied error
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, m := range survey.Members {
		if m.Err != nil {
			continue
		}
		wg.Go(func() {
			silent := d.Cluster.Responds(ctx, m)
			gauges, err := d.Cluster.Gauges(ctx, m)
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(silent, etcd.ErrDenied) {
				denied = silent // which says nothing about the member
			} else if silent != nil {
				f.Silent[m.Name] = silent
			}
			if err != nil {
				f.Unseen[m.Name] = err
				return
			}
			if gauges.Defragmenting {
				f.Silent[m.Name] = errors.New("its metrics say so")
			}
			f.OpenSnapshots[m.Name], f.Quota[m.Name] = gauges.OpenSnapshots, gauges.Quota
		})
		if d.FreeDisk != nil {
			if free, known := d.FreeDisk(m); known {
				mu.Lock()
				f.FreeDisk[m.Name] = free
				mu.Unlock()
			}
		}
	}
	wg.Wait()
	f.Now = time.Now()
	return f, cmp.Or(ctx.Err(), denied)
}

// settled waits until every voter answers, reads its database, follows one leader, and has applied what any of them had when it
// began to wait.
func (d *Defragmenter) settled(ctx context.Context, bound time.Duration) (etcd.Survey, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	var goal uint64
	for {
		survey, why := d.unsettled(ctx, &goal)
		if why == nil {
			return survey, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return survey, why
		}
	}
}

// settlePoll is how often a member that was away is asked whether it is back.
const settlePoll = 200 * time.Millisecond
