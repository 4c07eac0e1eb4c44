// Package delivery brings what waits in the spool to the stores. It takes no snapshot, and removes none from a store.
//
// Its one invariant: what a store does not have for certain stays in the spool, and a store that is away holds up no other.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/agent/stores"
)

// Courier brings what waits in the spool to the stores: to each in the order in which it was taken, and to all at once,
// so that one that is away holds up no other.
type Courier struct {
	Spool            *spool.Spool
	Stores           []stores.Store
	AcceptNewCluster bool
	Log              *slog.Logger
	Progress         agent.Progress
}

// Delivery is what a Courier did.
type Delivery struct {
	// Stored holds, by store and snapshot ID, the manifests as they were stored.
	Stored map[string]map[string]snapshot.Manifest
	// Failed holds the stores that could not take everything, and why.
	Failed map[string]error
}

// deliveryTime is how long one snapshot may take to reach one store: a base, and what its bytes take at
// slowestStore. A store that is slower fails, and is tried again with the next run.
const (
	deliveryTime = 10 * time.Minute
	slowestStore = 1 << 20 // bytes a second
)

// Run delivers. The error means that the spool itself cannot be read or that ctx ended before another
// process had finished with it.
func (c *Courier) Run(ctx context.Context) (Delivery, error) {
	d := Delivery{Stored: map[string]map[string]snapshot.Manifest{}, Failed: map[string]error{}}
	unlock, err := c.Spool.Lock(ctx)
	if err != nil {
		return d, err
	}
	entries, err := c.Spool.List()
	if err != nil {
		c.Log.Error("spool entry cannot be read", "error", err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, store := range c.Stores {
		wg.Go(func() {
			stored := map[string]snapshot.Manifest{}
			err := c.serve(ctx, store, entries, func(m snapshot.Manifest) { stored[m.ID] = m })
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

// serve brings one store what it lacks, and stops at the first that it does not take; but for a clash of IDs, which is
// the trouble of one snapshot and must hold up no other.
func (c *Courier) serve(ctx context.Context, store stores.Store, entries []spool.Entry, done func(snapshot.Manifest)) error {
	var clashes error
	for _, e := range entries {
		if !slices.Contains(e.Pending, store.Name) {
			continue
		}
		limit := deliveryTime + time.Duration(e.Manifest.Object.SizeBytes/slowestStore)*time.Second
		ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the store took longer than %s", limit))
		m, err := c.bring(ctx, store, e.Manifest)
		if err != nil && ctx.Err() != nil {
			err = errors.Join(err, context.Cause(ctx))
		}
		cancel()
		if errors.Is(err, fs.ErrExist) {
			clashes = errors.Join(clashes, err)
			continue
		}
		if err != nil {
			return errors.Join(clashes, err)
		}
		done(m)
		if err := c.Spool.Delivered(e.Manifest.ID, store.Name); err != nil {
			return err
		}
		c.Log.Info("snapshot stored", "snapshot", m.ID, "store", store.Name, "revision", m.Revision, "size_bytes", m.Object.SizeBytes)
	}
	return clashes
}

// bring commits one snapshot to one store.
func (c *Courier) bring(ctx context.Context, store stores.Store, m snapshot.Manifest) (snapshot.Manifest, error) {
	if err := store.Catalog.Claim(ctx, m.Cluster.ID, c.AcceptNewCluster); err != nil {
		return m, err
	}
	data, err := c.Spool.Data(m.ID)
	if err != nil {
		return m, err
	}
	defer data.Close()
	c.Progress.Report("store "+store.Name, 0, 0)
	stored, err := store.Catalog.Commit(ctx, m, data)
	if !errors.Is(err, fs.ErrExist) {
		return stored, err
	}
	return c.alreadyThere(ctx, store, m, err)
}

// alreadyThere settles a clash of IDs: another agent's snapshot of the same cluster, second and revision serves as well.
func (c *Courier) alreadyThere(ctx context.Context, store stores.Store, m snapshot.Manifest, clash error) (snapshot.Manifest, error) {
	id, err := snapshot.ParseID(m.ID)
	if err != nil {
		return m, err
	}
	entry, err := store.Catalog.Find(ctx, id)
	if err != nil {
		return m, errors.Join(clash, err)
	}
	theirs, err := store.Catalog.Manifest(ctx, entry)
	if err != nil {
		return m, errors.Join(clash, err)
	}
	if theirs.Cluster.ID != m.Cluster.ID || !theirs.Proven() {
		// It will never fit in. Kept, it would fail every run from now on.
		c.Log.Error("snapshot given up, its ID is taken in the store", "snapshot", m.ID, "store", store.Name)
		return m, errors.Join(clash, c.Spool.Delivered(m.ID, store.Name))
	}
	c.Log.Info("another agent stored a snapshot of this second and revision", "snapshot", m.ID, "store", store.Name, "member", theirs.Member.Name)
	return theirs, nil
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
