package prune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/etcdward/etcdward/agent/atomicfile"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores"
)

// Removals notes, on the local disk, which snapshots are about to be removed from a store, so that a removal
// that was cut between manifest and data is finished at the next start and not a day later by the sweep.
type Removals struct{ Area *staging.Area }

// noteInTheMaking begins the name of a note that version 0.1.0 was writing when it was killed.
const noteInTheMaking = "note"

// path of the note of one store.
func (r Removals) path(store string) string {
	return filepath.Join(r.Area.Path(), "removing-"+store+".json")
}

// begin notes what is about to go, durably.
func (r Removals) begin(store string, ids []string) error {
	body, err := json.Marshal(ids)
	if err != nil {
		return fmt.Errorf("note removals: %w", err)
	}
	if err := atomicfile.Write(r.path(store), body, atomicfile.Options{FolderOwner: true}); err != nil {
		return fmt.Errorf("note removals: %w", err)
	}
	return nil
}

// end forgets the note.
func (r Removals) end(store string) error {
	if err := os.Remove(r.path(store)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget removals: %w", err)
	}
	return nil
}

// Finish completes the removals that were cut, in the stores given. The error names the stores in which that has to wait.
func (r Removals) Finish(ctx context.Context, all []stores.Store) (removed int, err error) {
	if removed, err = r.Area.SweepPrefix(ctx, noteInTheMaking); err != nil {
		return removed, err
	}
	notes, err := atomicfile.Sweep(r.Area.Path())
	if removed += notes; err != nil {
		return removed, fmt.Errorf("finish removals: %w", err)
	}
	for _, store := range all {
		body, rerr := os.ReadFile(r.path(store.Name))
		if errors.Is(rerr, fs.ErrNotExist) {
			continue
		}
		var ids []string
		if rerr == nil {
			rerr = json.Unmarshal(body, &ids)
		}
		if rerr != nil {
			err = errors.Join(err, fmt.Errorf("finish removals in %s: %w", store.Name, rerr))
			continue
		}
		n, ferr := finish(ctx, store, ids)
		removed += n
		if ferr != nil {
			err = errors.Join(err, fmt.Errorf("finish removals in %s (%s): %w", store.Name, strings.Join(ids, " "), ferr))
			continue
		}
		err = errors.Join(err, r.end(store.Name))
	}
	return removed, err
}

// finish removes what is left of snapshots whose manifest is gone already: by one listing, since most of what a long note names
// was not begun, or is gone whole.
func finish(ctx context.Context, store stores.Store, ids []string) (removed int, err error) {
	listing, err := store.Catalog.List(ctx)
	if err != nil {
		return 0, err
	}
	cut := map[string]bool{} // IDs of data without a manifest
	for _, obj := range listing.Orphans {
		id, _, _ := strings.Cut(path.Base(obj.Key), ".")
		cut[id] = true
	}
	for _, text := range ids {
		if !cut[text] {
			continue
		}
		id, err := snapshot.ParseID(text)
		if err != nil {
			return removed, err
		}
		n, err := store.Catalog.FinishRemoval(ctx, id)
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}
