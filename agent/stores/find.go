// Package stores finds snapshots across the stores of a cluster, and knows to which cluster they belong. It only reads
// and changes nothing.
package stores

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/retention"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// Latest asks for the newest snapshot when it is given in place of an ID.
const Latest = "latest"

// Found is a snapshot in a store.
type Found struct {
	Store    Store
	Entry    catalog.Entry
	Manifest snapshot.Manifest
	// Passed says what was passed over for it: a newer snapshot if Latest was asked for, or the same one in another store. An entry
	// for a damaged one wraps snapshot.ErrDamaged. The others have a time in the future, or are stores that could not be read and may
	// hold a newer one.
	Passed []error
}

// Find looks for a snapshot, by ID or Latest, in the stores in their order. A snapshot that is damaged in one store is looked for in the
// others. Latest is the newest snapshot that can be read and whose time is not in the future. What was passed over is logged. The error
// wraps catalog.ErrNotFound if every store was read and none has it, and snapshot.ErrDamaged if what they have is damaged; any other
// error means that a store could not be read.
func Find(ctx context.Context, stores []Store, ref string) (Found, error) {
	all, unread, err := listed(ctx, stores, ref)
	if err != nil {
		return Found{}, err
	}
	var found *Found
	var passed []error
	if ref == Latest {
		found, passed, err = latest(ctx, all, time.Now())
	} else if found, passed, err = firstReadable(ctx, all); found == nil && err == nil {
		found, err = firstMissingData(ctx, all)
	}
	switch {
	case err != nil:
		return Found{}, fmt.Errorf("find snapshot %s: %w", ref, err)
	case found != nil:
		if found.Passed = passed; ref == Latest {
			found.Passed = append(found.Passed, unread...)
		}
		for _, cause := range found.Passed {
			found.Store.warn("passed over", "instead", found.Entry.ID.String(), "error", cause)
		}
		return *found, nil
	case len(passed)+len(unread) > 0:
		return Found{}, fmt.Errorf("find snapshot %s: %w", ref, errors.Join(append(passed, unread...)...))
	case ref == Latest:
		return Found{}, fmt.Errorf("the latest snapshot: %w: there is none yet", catalog.ErrNotFound)
	}
	return Found{}, fmt.Errorf("snapshot %s: %w", ref, catalog.ErrNotFound)
}

// listed returns the listed snapshots that may be meant, the newest first and each in the order of the stores, and why other stores
// could not be read. An error means that the text does not name a snapshot.
func listed(ctx context.Context, stores []Store, ref string) (all []Found, unread []error, err error) {
	list := func(store Store) ([]catalog.Entry, error) {
		listing, err := store.Catalog.List(ctx)
		return slices.Concat(listing.Snapshots, listing.MissingData), err
	}
	if ref != Latest {
		id, err := snapshot.ParseID(ref)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", catalog.ErrNotFound, err)
		}
		list = func(store Store) ([]catalog.Entry, error) {
			entry, err := store.Catalog.Find(ctx, id)
			if errors.Is(err, catalog.ErrNotFound) {
				return nil, nil
			}
			return []catalog.Entry{entry}, err
		}
	}
	for _, store := range stores {
		entries, err := list(store)
		if err != nil {
			unread = append(unread, fmt.Errorf("store %s: %w", store.Name, err))
			continue
		}
		for _, entry := range entries {
			all = append(all, Found{Store: store, Entry: entry})
		}
	}
	slices.SortStableFunc(all, func(a, b Found) int { return b.Entry.ID.Compare(a.Entry.ID) })
	return all, unread, nil
}

// latest gives the newest, those whose time is yet to come only if there is no other: then the clock of this host is as likely to
// be the wrong one.
func latest(ctx context.Context, all []Found, now time.Time) (found *Found, passed []error, err error) {
	n := slices.IndexFunc(all, func(f Found) bool { return !YetToCome(f.Entry.ID, now) })
	if n < 0 {
		n = len(all)
	}
	ahead, past := all[:n], all[n:]
	found, passed, err = firstReadable(ctx, past)
	if found != nil {
		return found, append(clockIsWrong(ahead), passed...), nil
	}
	if err != nil {
		return nil, passed, err
	}
	found, more, err := firstReadable(ctx, ahead)
	return found, append(more, passed...), err
}

// YetToCome reports whether a snapshot was taken, as its ID has it, later than any two clocks may disagree.
func YetToCome(id snapshot.ID, now time.Time) bool {
	return id.TakenAt.After(now.Add(retention.ClockSlack))
}

func clockIsWrong(ahead []Found) []error {
	var errs []error
	for _, f := range ahead {
		errs = append(errs, fmt.Errorf("store %s: snapshot %s was taken at a time in the future: a clock is wrong", f.Store.Name, f.Entry.ID))
	}
	return errs
}

// firstReadable returns the first snapshot that is whole as far as a listing and its manifest show, and why those before it are
// not; nil if none is whole. The error is that of a store that could not be read and may have it.
func firstReadable(ctx context.Context, all []Found) (found *Found, passed []error, err error) {
	missing := 0
	for i, f := range all {
		if err != nil && f.Entry.ID.Compare(all[i-1].Entry.ID) != 0 {
			return nil, passed, err // an older one is not what was asked for
		}
		if len(f.Entry.Data) == 0 {
			if missing++; missing <= Named {
				// If the listing was made while the snapshot was being stored, its pages may have missed the
				// data.
				if again, ferr := f.Store.Catalog.Find(ctx, f.Entry.ID); ferr == nil {
					f.Entry = again
				}
			}
		}
		if len(f.Entry.Data) == 0 {
			passed = append(passed, fmt.Errorf("store %s: snapshot %s: %w: its data is gone", f.Store.Name, f.Entry.ID, snapshot.ErrDamaged))
			continue
		}
		m, merr := f.Store.Catalog.Manifest(ctx, f.Entry)
		switch {
		case errors.Is(merr, catalog.ErrNotFound): // removed since it was listed
		case errors.Is(merr, snapshot.ErrDamaged):
			passed = append(passed, fmt.Errorf("store %s: %w", f.Store.Name, merr))
		case merr != nil:
			err = errors.Join(err, fmt.Errorf("store %s: %w", f.Store.Name, merr))
		default:
			f.Manifest = m
			return &f, passed, nil
		}
	}
	return nil, passed, err
}

// firstMissingData returns the first snapshot whose data is not listed. If the store keeps versions, its manifest may still
// bring it back.
func firstMissingData(ctx context.Context, all []Found) (*Found, error) {
	for _, f := range all {
		if len(f.Entry.Data) > 0 {
			continue
		}
		m, err := f.Store.Catalog.Manifest(ctx, f.Entry)
		if errors.Is(err, snapshot.ErrDamaged) || errors.Is(err, catalog.ErrNotFound) {
			continue
		}
		f.Manifest = m
		return &f, err
	}
	return nil, nil
}

// Holders names the stores that list a snapshot whole. The error names those that could not be read.
func Holders(ctx context.Context, stores []Store, id snapshot.ID) (names []string, err error) {
	for _, store := range stores {
		entry, ferr := store.Catalog.Find(ctx, id)
		switch {
		case errors.Is(ferr, catalog.ErrNotFound):
		case ferr != nil:
			err = errors.Join(err, fmt.Errorf("store %s: %w", store.Name, ferr))
		case len(entry.Data) > 0:
			names = append(names, store.Name)
		}
	}
	return names, err
}

// reads is how many manifests are read at once.
const reads = 16

// Manifests reads the manifests of entries. The errors, one or nil for each, are those of Catalog.Manifest.
func Manifests(ctx context.Context, store Store, entries []catalog.Entry) ([]snapshot.Manifest, []error) {
	manifests, errs := make([]snapshot.Manifest, len(entries)), make([]error, len(entries))
	var wg sync.WaitGroup
	slots := make(chan struct{}, reads)
	for i, entry := range entries {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			manifests[i], errs[i] = store.Catalog.Manifest(ctx, entry)
		})
	}
	wg.Wait()
	return manifests, errs
}
