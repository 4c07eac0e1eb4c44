package delivery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/storage"
)

// deliveryTime is how long one snapshot may take to reach one store: a base, and what its bytes take at
// slowestStore. A store that is slower fails, and is tried again with the next run.
const (
	deliveryTime = 10 * time.Minute
	slowestStore = 1 << 20 // bytes a second
)

// A store that fails is given one more snapshot, if it failed quickly: the fault may be that of the first alone. After failures in a row it is
// taken for away.
const (
	quickly       = 30 * time.Second
	failuresInRow = 2
)

// serve brings one store what it lacks.
func (c *Courier) serve(ctx context.Context, store stores.Store, entries []spool.Entry, done func(id string, stored snapshot.Manifest)) error {
	waiting := slices.DeleteFunc(slices.Clone(entries), func(e spool.Entry) bool { return !slices.Contains(e.Pending, store.Name) })
	if len(waiting) == 0 {
		return nil
	}
	if err := c.firstUse(ctx, store); err != nil {
		if ctx.Err() != nil {
			err = errors.Join(err, context.Cause(ctx))
		}
		return err
	}
	newest := len(waiting) - 1
	var failed error
	inRow := 0
	for _, e := range append([]spool.Entry{waiting[newest]}, waiting[:newest]...) {
		begun := time.Now()
		m, err := c.bringWithin(ctx, store, e)
		if err == nil {
			inRow = 0
			done(e.Manifest.ID, m)
			if c.OnStored != nil {
				c.OnStored(store.Name, m)
			}
			if err := c.Spool.Delivered(e.Manifest.ID, store.Name); err != nil {
				return errors.Join(failed, err)
			}
			c.Log.Info("snapshot stored", "snapshot", m.ID, "store", store.Name, "revision", m.Revision, "size_bytes", m.Object.SizeBytes)
			continue
		}
		failed = errors.Join(failed, err)
		if errors.Is(err, fs.ErrExist) || c.setAside(ctx, e, err) {
			continue
		}
		if inRow++; inRow == failuresInRow || ctx.Err() != nil || time.Since(begun) > quickly {
			return failed
		}
	}
	return failed
}

// firstUse tries, once in a process, whether the store overwrites. One that does not let us try is taken for one that does not.
func (c *Courier) firstUse(ctx context.Context, store stores.Store) error {
	overwrites, err := store.Catalog.FirstUse(ctx)
	switch {
	case errors.Is(err, storage.ErrDenied):
		c.Log.Warn("not tried whether the store overwrites", "store", store.Name, "error", err)
		return nil
	case err != nil:
		return err
	case overwrites:
		c.Log.Warn("store overwrites, every snapshot is read back", "store", store.Name)
	}
	return nil
}

// bringWithin is bring, in the time that the snapshot may take.
func (c *Courier) bringWithin(ctx context.Context, store stores.Store, e spool.Entry) (snapshot.Manifest, error) {
	limit := deliveryTime + time.Duration(e.Manifest.Object.SizeBytes/slowestStore)*time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the store took longer than %s", limit))
	defer cancel()
	m, err := c.bring(ctx, store, e.Manifest)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(err, context.Cause(ctx))
	}
	return m, err
}

// attempts is how often a snapshot moves on by a second, where the store has another one of its ID.
const attempts = 10

// bring commits one snapshot to one store, and makes sure that the store lists it.
func (c *Courier) bring(ctx context.Context, store stores.Store, m snapshot.Manifest) (stored snapshot.Manifest, err error) {
	if err := store.Catalog.Claim(ctx, m.Cluster.ID, c.AcceptNewCluster); err != nil {
		return m, err
	}
	data, err := c.Spool.Data(m.ID)
	if err != nil {
		return m, err
	}
	defer data.Close()
	c.Progress.Report("store "+store.Name, 0, 0)
	own := m
	for try := 1; ; try++ {
		stored, err = store.Catalog.Commit(ctx, own, data)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
		if !errors.Is(err, catalog.ErrWrittenOver) {
			theirs, serves, terr := c.alreadyThere(ctx, store, own)
			if terr != nil {
				return m, errors.Join(err, terr)
			}
			if serves {
				return theirs, nil
			}
		}
		if try == attempts {
			return m, err
		}
		before := own.ID
		catalog.MoveOn(&own)
		c.Log.Warn("snapshot moves on by a second, its ID is taken in the store", "snapshot", before, "instead", own.ID, "store", store.Name)
		if err := cancellation.Wait(ctx, rand.N(time.Duration(try)*20*time.Millisecond)); err != nil {
			return m, err
		}
	}
	if err != nil {
		return stored, err
	}
	return stored, store.Catalog.Seen(ctx, stored)
}

// alreadyThere looks at what has the ID in the store: another agent's snapshot of the same cluster, second and revision serves as well, if it holds
// the same keys and values.
func (c *Courier) alreadyThere(ctx context.Context, store stores.Store, m snapshot.Manifest) (theirs snapshot.Manifest, serves bool, err error) {
	id, err := snapshot.ParseID(m.ID)
	if err != nil {
		return m, false, err
	}
	entry, err := store.Catalog.Find(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		return m, false, nil // an upload that goes on, or was cut
	}
	if err != nil {
		return m, false, err
	}
	theirs, err = store.Catalog.Manifest(ctx, entry)
	switch {
	case errors.Is(err, snapshot.ErrDamaged), errors.Is(err, catalog.ErrNotFound):
		return m, false, nil
	case err != nil:
		return m, false, err
	case theirs.Cluster.ID != m.Cluster.ID, !theirs.Proven(), theirs.HashKV != m.HashKV, theirs.Emergency && !m.Emergency, !entry.Intact(theirs):
		return m, false, nil
	}
	c.Log.Info("another agent stored a snapshot of this second and revision", "snapshot", m.ID, "store", store.Name, "member", theirs.Member.Name)
	return theirs, true, nil
}
