package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
)

// Doomed is a snapshot that is to go. Its manifest is put back when the store keeps the data.
type Doomed struct {
	Entry    Entry
	Manifest snapshot.Manifest
}

// removeBatch is how many snapshots go together: all their manifests, then all their data. It bounds what a
// crash can cut in the middle.
const removeBatch = 500

// RemoveAll takes snapshots away, in as few requests as the store knows how to, and gives one error or nil for each, in their
// order. It removes nothing of an entry with a key that is not of its snapshot. Of a snapshot whose data is locked, or may not
// be removed by these credentials, the manifest is put back: it goes on being listed, and its error wraps storage.ErrLocked or
// storage.ErrDenied.
func (c *Catalog) RemoveAll(ctx context.Context, doomed []Doomed) []error {
	errs := make([]error, 0, len(doomed))
	var proofs map[string][]storage.Object
	for batch := range slices.Chunk(doomed, removeBatch) {
		errs = append(errs, c.removeBatch(ctx, batch, &proofs)...)
	}
	return errs
}

// removeBatch takes the proofs from proofs, and lists them when it is the first that needs them: once for all batches.
func (c *Catalog) removeBatch(ctx context.Context, batch []Doomed, proofs *map[string][]storage.Object) []error {
	errs := make([]error, len(batch))
	for i, d := range batch {
		errs[i] = c.checkKeys(d.Entry)
	}
	manifests := c.deleteOf(ctx, batch, errs, func(d Doomed) []storage.Object { return []storage.Object{d.Entry.Manifest} })
	if manifests == 0 {
		return errs
	}
	if *proofs == nil {
		all, err := c.allProofs(ctx)
		if err != nil {
			for i := range errs {
				errs[i] = errors.Join(errs[i], err)
			}
			return errs
		}
		*proofs = all
	}
	// The proofs before the data: with data that is left a sweep finds the snapshot, and then its proofs.
	kept := slices.Clone(errs)
	c.deleteOf(ctx, batch, kept, func(d Doomed) []storage.Object { return (*proofs)[d.Entry.ID.String()] })
	for i, err := range kept {
		if !heldBack(err) {
			errs[i] = err
		}
	}
	whole := slices.Clone(errs)
	c.deleteOf(ctx, batch, errs, func(d Doomed) []storage.Object { return d.Entry.Data })
	for i, d := range batch {
		if whole[i] == nil && heldBack(errs[i]) {
			errs[i] = errors.Join(errs[i], c.putBack(ctx, d.Manifest))
		}
	}
	return errs
}

// heldBack reports whether the store does not let an object go. A proof that is held back holds up nothing: it is often younger than its
// snapshot, so that its lock ends later, and says nothing once the snapshot is gone.
func heldBack(err error) bool {
	return errors.Is(err, storage.ErrLocked) || errors.Is(err, storage.ErrDenied)
}

// checkKeys holds the keys of an entry to its ID.
func (c *Catalog) checkKeys(entry Entry) error {
	for i, obj := range append([]storage.Object{entry.Manifest}, entry.Data...) {
		id, suffix, ok := c.parse(obj.Key)
		if !ok || id.Compare(entry.ID) != 0 || (suffix == manifestSuffix) != (i == 0) {
			return fmt.Errorf("remove snapshot %s: key %q is not of the layout", entry.ID, obj.Key)
		}
	}
	return nil
}

// deleteOf deletes some objects of each snapshot that has had no error yet, and gives the number of objects deleted.
func (c *Catalog) deleteOf(ctx context.Context, batch []Doomed, errs []error, of func(Doomed) []storage.Object) (deleted int) {
	var objects []storage.Object
	var owner []int
	for i, d := range batch {
		if errs[i] != nil {
			continue
		}
		for _, obj := range of(d) {
			objects, owner = append(objects, obj), append(owner, i)
		}
	}
	if len(objects) == 0 {
		return 0
	}
	for k, err := range storage.DeleteAll(ctx, c.bucket, objects) {
		if err != nil {
			errs[owner[k]] = errors.Join(errs[owner[k]], fmt.Errorf("remove snapshot %s: %w", batch[owner[k]].Entry.ID, err))
			continue
		}
		deleted++
	}
	return deleted
}

// allProofs lists the proofs of all snapshots, by ID.
func (c *Catalog) allProofs(ctx context.Context) (map[string][]storage.Object, error) {
	prefix := c.home + "proofs/"
	proofs := map[string][]storage.Object{}
	for obj, err := range c.bucket.List(ctx, prefix) {
		if err != nil {
			return nil, fmt.Errorf("list proofs: %w", err)
		}
		id, name, ok := strings.Cut(strings.TrimPrefix(obj.Key, prefix), "/")
		if ok && proofForm.MatchString(name) {
			proofs[id] = append(proofs[id], obj)
		}
	}
	return proofs, nil
}

// putBack stores a manifest again.
func (c *Catalog) putBack(ctx context.Context, m snapshot.Manifest) error {
	body, err := m.Encode()
	if err != nil {
		return err
	}
	if _, err := c.bucket.Put(ctx, upload(c.manifestKey(m.ID), body)); err != nil {
		return fmt.Errorf("put the manifest of %s back: %w", m.ID, err)
	}
	return nil
}

// Tidy removes for good what hides behind delete markers of snapshots older than the ID given: somebody else's tool
// deleted them without a version, and they would cost money without end. It returns the number of versions and markers
// removed; 0 where the store keeps none.
func (c *Catalog) Tidy(ctx context.Context, olderThan snapshot.ID) (removed int, err error) {
	tidier, ok := c.bucket.(storage.Tidier)
	if !ok {
		return 0, nil
	}
	removed, err = tidier.Tidy(ctx, c.snapshotsPrefix(), func(key string) bool {
		id, _, ours := c.parse(key)
		return !ours || id.Compare(olderThan) >= 0
	})
	if err != nil {
		return removed, fmt.Errorf("tidy %s: %w", c.snapshotsPrefix(), err)
	}
	return removed, nil
}

// AsOf is the catalog as the store had it at an earlier time, for reading only. Stores that keep no versions show what of today's
// objects is as old.
func (c *Catalog) AsOf(past storage.Bucket) *Catalog {
	then := *c
	then.bucket = past
	return &then
}
