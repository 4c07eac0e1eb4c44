package gcs

import (
	"cmp"
	"context"
	"errors"
	"slices"

	gcs "cloud.google.com/go/storage"
	"golang.org/x/sync/errgroup"

	"github.com/etcdward/etcdward/storage"
)

// atOnce is how many requests DeleteAll has under way: the service deletes one object
// with each.
const atOnce = 8

// Delete implements storage.Bucket. Where soft delete is on, as it is by default, the
// service keeps what is deleted for some more days.
func (b *Bucket) Delete(ctx context.Context, obj storage.Object) error {
	if err := storage.CheckKey(obj.Key); err != nil {
		return err
	}
	handle, ok := b.object(obj)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	if obj.Version == "" {
		// Without a generation, a bucket that keeps old ones would only hide it.
		attrs, err := handle.Attrs(ctx)
		if missing(err) {
			return nil
		} else if err != nil {
			return b.explain("delete", obj.Key, err)
		}
		handle = handle.Generation(attrs.Generation)
	}
	if err := handle.Delete(ctx); err != nil && !missing(err) {
		return b.explain("delete", obj.Key, err)
	}
	return nil
}

// DeleteAll implements storage.Remover.
func (b *Bucket) DeleteAll(ctx context.Context, objects []storage.Object) []error {
	errs := make([]error, len(objects))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, obj := range objects {
		group.Go(func() error {
			errs[i] = b.Delete(ctx, obj)
			return nil
		})
	}
	_ = group.Wait() // each has its own error
	return errs
}

// Tidy implements storage.Tidier. There are no markers here: hidden is an object of which
// only old generations are left.
func (b *Bucket) Tidy(ctx context.Context, prefix string, keep func(key string) bool) (removed int, err error) {
	var errs []error
	for generations, err := range b.histories(ctx, prefix) {
		if err != nil {
			return removed, b.explain("tidy", prefix, errors.Join(append(errs, err)...))
		}
		key, ok := b.key(generations[0].Name)
		if !ok || slices.ContainsFunc(generations, isLive) || keep(key) {
			continue
		}
		for _, a := range generations {
			switch err := b.Delete(ctx, describe(key, a)); {
			case err == nil:
				removed++
			case !errors.Is(err, storage.ErrLocked):
				errs = append(errs, err)
			}
		}
	}
	return removed, errors.Join(errs...)
}

func isLive(a *gcs.ObjectAttrs) bool { return a.Deleted.IsZero() }

func newestFirst(generations []*gcs.ObjectAttrs) []*gcs.ObjectAttrs {
	slices.SortFunc(generations, func(a, b *gcs.ObjectAttrs) int { return cmp.Compare(b.Generation, a.Generation) })
	return generations
}
