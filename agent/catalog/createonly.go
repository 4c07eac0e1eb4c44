package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/etcdward/etcdward/storage"
)

// Everything rests on writes that create and never overwrite. A store that ignores that lets two writers mix, so it is tried: a second write of
// other bytes under one key must fail. What the key holds after it tells everybody else what came of it.
const (
	trialName  = "create-only.json"
	trialFirst = `{"format":1,"means":"etcdward tries with this object whether the store overwrites; it does not"}` + "\n"
	trialOther = `{"format":1,"means":"etcdward tries with this object whether the store overwrites; it does, and two writers may mix"}` + "\n"
)

// trial is what is known of a store in this process.
type trial struct{ known, overwrites atomic.Bool }

// TryCreateOnly finds out whether the store overwrites an object that exists, and remembers it. It leaves one small object. An error means
// that the question stays open: the store could not be reached, or does not let these credentials try (storage.ErrDenied).
func (c *Catalog) TryCreateOnly(ctx context.Context) (overwrites bool, err error) {
	_, err = c.bucket.Put(ctx, upload(c.home+trialName, []byte(trialFirst)))
	if errors.Is(err, fs.ErrExist) {
		// It took the other bytes once, and refuses to now.
		if err := c.forgetTrial(ctx); err != nil {
			return false, err
		}
	}
	if err == nil {
		_, err = c.bucket.Put(ctx, upload(c.home+trialName, []byte(trialOther)))
		overwrites = err == nil
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return false, fmt.Errorf("try whether the store overwrites: %w", err)
	}
	c.trial.overwrites.Store(overwrites)
	c.trial.known.Store(true)
	return overwrites, nil
}

// forgetTrial removes the note that a store overwrites, which it does no longer.
func (c *Catalog) forgetTrial(ctx context.Context) error {
	noted, err := c.Overwrites(ctx)
	if err != nil || !noted {
		return err
	}
	if err := c.bucket.Delete(ctx, storage.Object{Key: c.home + trialName}); err != nil && !heldBack(err) {
		return fmt.Errorf("remove %s: %w", c.home+trialName, err)
	}
	return nil
}

// FirstUse is TryCreateOnly, once in the life of a process.
func (c *Catalog) FirstUse(ctx context.Context) (overwrites bool, err error) {
	if c.trial.known.Load() {
		return c.trial.overwrites.Load(), nil
	}
	return c.TryCreateOnly(ctx)
}

// Overwrites reports whether the last trial, by whatever host, found that the store overwrites. It only reads.
func (c *Catalog) Overwrites(ctx context.Context) (noted bool, err error) {
	for obj, err := range c.bucket.List(ctx, c.home+trialName) {
		if err != nil {
			return false, fmt.Errorf("list %s: %w", c.home+trialName, err)
		}
		noted = noted || obj.Key == c.home+trialName && obj.Size == int64(len(trialOther))
	}
	return noted, nil
}
