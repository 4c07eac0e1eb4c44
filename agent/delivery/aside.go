package delivery

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/spool"
)

// sift gives what waits, after it set aside what no store can take for certain: a record that is damaged, a manifest that cannot be encoded.
func (c *Courier) sift(ctx context.Context) ([]spool.Entry, error) {
	spoilt, err := c.Spool.Spoilt()
	for id, cause := range spoilt {
		err = errors.Join(err, c.putAside(id, cause))
	}
	entries, lerr := c.Spool.List()
	entries = slices.DeleteFunc(entries, func(e spool.Entry) bool { return c.setAside(ctx, e, catalog.Fit(e.Manifest)) })
	return entries, errors.Join(err, lerr)
}

// setAside sets an entry aside if the fault that kept it from a store is its own, and reports whether it is.
func (c *Courier) setAside(ctx context.Context, e spool.Entry, cause error) bool {
	switch {
	case cause == nil:
		return false
	case !errors.Is(cause, catalog.ErrUnfit):
		if cause = c.Spool.Check(ctx, e); !errors.Is(cause, spool.ErrSpoilt) {
			return errors.Is(cause, fs.ErrNotExist) // delivered by another process, or dropped
		}
	}
	if err := c.putAside(e.Manifest.ID, cause); err != nil {
		c.Log.Error("spool entry cannot be set aside", "snapshot", e.Manifest.ID, "error", err)
	}
	return true
}

func (c *Courier) putAside(id string, cause error) error {
	if err := c.Spool.SetAside(id, cause); err != nil {
		return err
	}
	c.Log.Error("snapshot set aside, no store can take it", "snapshot", id, "error", cause)
	return nil
}
