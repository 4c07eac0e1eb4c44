package wire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/storage"
)

// Selection is which stores are read, and as of when.
type Selection struct {
	// Store is the name of the only store to read; "" means all of them.
	Store string
	// At is when versioned stores are read as they were: RFC 3339, or a duration ago such as 26h. "": as they are.
	At string
}

// Select returns the stores of a selection. An error is marked as one of usage.
func (p *Parts) Select(sel Selection) ([]stores.Store, error) {
	selected := p.Stores
	if sel.Store != "" {
		i := slices.IndexFunc(selected, func(s stores.Store) bool { return s.Name == sel.Store })
		if i < 0 {
			return nil, fault.Usage(fmt.Errorf("flag --store: no store is called %q", sel.Store))
		}
		selected = selected[i : i+1]
	}
	if sel.At == "" {
		return selected, nil
	}
	at, err := pointInTime(sel.At, time.Now())
	if err != nil {
		return nil, fault.Usage(fmt.Errorf("flag --at: %w", err))
	}
	past := slices.Clone(selected)
	for i, s := range past {
		past[i].Catalog = s.Catalog.AsOf(storage.NewAsOf(p.buckets[s.Name], at))
	}
	return past, nil
}

// Find looks a snapshot up, by ID or stores.Latest, in the stores of a selection.
func (p *Parts) Find(ctx context.Context, ref string, sel Selection) (stores.Found, error) {
	selected, err := p.Select(sel)
	if err != nil {
		return stores.Found{}, err
	}
	return stores.Find(ctx, selected, ref)
}

// Freeze turns a relative time such as "26h" into a fixed one, which still means the same later; zero if none was given. An error is
// marked as one of usage.
func (sel *Selection) Freeze(now time.Time) (at time.Time, err error) {
	if sel.At == "" {
		return at, nil
	}
	if at, err = pointInTime(sel.At, now); err != nil {
		return at, fault.Usage(fmt.Errorf("flag --at: %w", err))
	}
	at = at.UTC()
	sel.At = at.Format(time.RFC3339Nano)
	return at, nil
}

// pointInTime reads a time, or a duration before now.
func pointInTime(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("%q is neither a time such as 2026-11-22T10:00:00Z nor a duration such as 26h", text)
	}
	return at, nil
}

// sweepLimit limits the time for the sweep of one store.
const sweepLimit = time.Minute

// among reports whether a store is one of those named, which none means all.
func among(store string, names []string) bool {
	return len(names) == 0 || slices.Contains(names, store)
}

// FinishRemovals finishes the prunes that an earlier process of this host had begun, in the stores named; none: in all. What has to wait is logged,
// and finished another time.
func (p *Parts) FinishRemovals(ctx context.Context, names ...string) error {
	removals, err := p.Removals()
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	finished, err := removals.Finish(within, slices.DeleteFunc(slices.Clone(p.Stores), func(s stores.Store) bool { return !among(s.Name, names) }))
	if err != nil && ctx.Err() == nil {
		p.Log.Warn("removal not finished", "error", err)
	}
	if finished > 0 {
		p.Log.Info("removals finished", "files", finished)
	}
	return nil
}

// SweepStores removes what cut uploads of this host left in the stores named; none: in all. One that is away is swept another time.
func (p *Parts) SweepStores(ctx context.Context, names ...string) {
	var sweeping sync.WaitGroup
	for name, bucket := range p.buckets {
		if !among(name, names) {
			continue
		}
		sweeping.Go(func() {
			within, cancel := context.WithTimeout(ctx, sweepLimit)
			defer cancel()
			n, err := bucket.Sweep(within, "v1/"+p.Config.Cluster.Name+"/")
			switch {
			case ctx.Err() != nil:
			case errors.Is(err, storage.ErrDenied):
				p.Log.Debug("store not swept", "store", name, "error", err) // the agent that may write there sweeps it
			case err != nil:
				p.Log.Warn("store not swept", "store", name, "error", err)
			case n > 0:
				p.Log.Info("leftovers removed", "store", name, "files", n)
			}
		})
	}
	sweeping.Wait()
}

// LiveID returns the etcd cluster id of the cluster that answers; "" if none does. That is not an error: backups may be pruned from a
// machine that cannot reach the cluster, and then cluster.json says to which cluster they belong.
func (p *Parts) LiveID(ctx context.Context) string {
	cluster, err := p.Cluster()
	if err == nil {
		var survey etcd.Survey
		if survey, err = cluster.Survey(ctx); err == nil {
			return etcd.HexID(survey.ClusterID)
		}
	}
	p.Log.Warn("cluster not asked, cluster.json alone decides which snapshots count", "error", err)
	return ""
}

// KindOf is the kind of a store: s3, gcs or directory.
func (p *Parts) KindOf(store string) string {
	for _, s := range p.Config.Stores {
		if s.Name == store {
			return s.Kind()
		}
	}
	return "unknown"
}
