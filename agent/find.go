package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// Latest, in place of an ID, asks for the newest snapshot.
const Latest = "latest"

// Found is a snapshot in a store.
type Found struct {
	Store    Store
	Entry    catalog.Entry
	Manifest snapshot.Manifest
}

// Find looks for a snapshot, by ID or Latest, in the stores in their order. The error wraps catalog.ErrNotFound when every
// store was read and none has it; otherwise a store could not be read.
func Find(ctx context.Context, stores []Store, ref string) (Found, error) {
	if ref == Latest {
		return findLatest(ctx, stores)
	}
	id, err := snapshot.ParseID(ref)
	if err != nil {
		return Found{}, fmt.Errorf("%w: %w", catalog.ErrNotFound, err)
	}
	var unread error
	for _, store := range stores {
		entry, err := store.Catalog.Find(ctx, id)
		if errors.Is(err, catalog.ErrNotFound) {
			continue
		}
		if err != nil {
			unread = errors.Join(unread, fmt.Errorf("store %s: %w", store.Name, err))
			continue
		}
		m, err := store.Catalog.Manifest(ctx, entry)
		return Found{store, entry, m}, err
	}
	if unread != nil {
		return Found{}, fmt.Errorf("find snapshot %s: %w", ref, unread)
	}
	return Found{}, fmt.Errorf("snapshot %s: %w", ref, catalog.ErrNotFound)
}

// findLatest takes the newest of all stores; the first store that has it gives it.
func findLatest(ctx context.Context, stores []Store) (Found, error) {
	var newest Found
	var unread error
	for _, store := range stores {
		listing, err := store.Catalog.List(ctx)
		if err != nil {
			unread = errors.Join(unread, fmt.Errorf("store %s: %w", store.Name, err))
			continue
		}
		if n := len(listing.Snapshots); n > 0 {
			if last := listing.Snapshots[n-1]; newest.Entry.Manifest.Key == "" || last.ID.Compare(newest.Entry.ID) > 0 {
				newest = Found{Store: store, Entry: last}
			}
		}
	}
	switch {
	case unread != nil && newest.Entry.Manifest.Key == "":
		return newest, fmt.Errorf("find the latest snapshot: %w", unread)
	case newest.Entry.Manifest.Key == "":
		return newest, fmt.Errorf("the latest snapshot: %w: there is none yet", catalog.ErrNotFound)
	}
	m, err := newest.Store.Catalog.Manifest(ctx, newest.Entry)
	newest.Manifest = m
	return newest, err
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
