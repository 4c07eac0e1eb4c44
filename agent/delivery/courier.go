// Package delivery brings what waits in the spool to the stores. It takes no snapshot, and removes none from a store.
//
// Its one invariant: the spool lets a snapshot go only once the store lists its data and its manifest with their sizes. A store that is away
// holds up no other, and neither does a snapshot that no store can take.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/agent/stores"
)

// Courier brings what waits in the spool to the stores: to all of them at once, and to each the newest first, which is worth most after an
// outage, then the others in the order in which they were taken.
type Courier struct {
	Spool            *spool.Spool
	Stores           []stores.Store
	AcceptNewCluster bool
	Log              *slog.Logger
	Progress         agent.Progress
	// OnStored is told, by several goroutines, of each snapshot that a store has now, as it was stored; nil: nobody is. It returns at once.
	OnStored func(store string, m snapshot.Manifest)
}

// Delivery is what a Courier did.
type Delivery struct {
	// Stored holds, by store and snapshot ID, the manifests as they were stored: with the ID of a later second, where it was taken.
	Stored map[string]map[string]snapshot.Manifest
	// Failed holds the stores that could not take everything, and why.
	Failed map[string]error
}

// Run delivers. The error means that the spool itself cannot be read or that ctx ended before another
// process had finished with it.
func (c *Courier) Run(ctx context.Context) (Delivery, error) {
	d := Delivery{Stored: map[string]map[string]snapshot.Manifest{}, Failed: map[string]error{}}
	unlock, err := c.Spool.Lock(ctx)
	if err != nil {
		return d, err
	}
	entries, err := c.sift(ctx)
	if err != nil {
		c.Log.Error("spool entry cannot be read", "error", err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, store := range c.Stores {
		wg.Go(func() {
			stored := map[string]snapshot.Manifest{}
			err := c.serve(ctx, store, entries, func(id string, m snapshot.Manifest) { stored[id] = m })
			mu.Lock()
			defer mu.Unlock()
			d.Stored[store.Name] = stored
			if err != nil {
				d.Failed[store.Name] = err
			}
		})
	}
	wg.Wait()
	return d, errors.Join(c.forgetOldStores(entries), unlock())
}

// CatchUp delivers what waits, for a host on which nothing was taken this time: another took it, and what this one could not
// deliver before would wait for its own turn. The error says which stores could not take everything.
func (c *Courier) CatchUp(ctx context.Context) error {
	entries, err := c.Spool.List()
	if err == nil && !slices.ContainsFunc(entries, func(e spool.Entry) bool { return len(e.Pending) > 0 }) {
		return nil
	}
	d, err := c.Run(ctx)
	for _, store := range c.Stores {
		if cause := d.Failed[store.Name]; cause != nil {
			err = errors.Join(err, fmt.Errorf("store %s: %w", store.Name, cause))
		}
	}
	if err != nil {
		return fmt.Errorf("deliver what waits in the spool: %w", err)
	}
	return nil
}

// forgetOldStores lets entries go that wait only for stores which are no longer configured.
func (c *Courier) forgetOldStores(entries []spool.Entry) error {
	var errs error
	for _, e := range entries {
		for _, name := range e.Pending {
			if !slices.ContainsFunc(c.Stores, func(s stores.Store) bool { return s.Name == name }) {
				c.Log.Warn("store is no longer configured, its copy is given up", "snapshot", e.Manifest.ID, "store", name)
				if err := c.Spool.Delivered(e.Manifest.ID, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
					errs = errors.Join(errs, err)
				}
			}
		}
	}
	return errs
}
