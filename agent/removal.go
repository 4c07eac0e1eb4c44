package agent

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

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
)

// Removals notes, on the local disk, which snapshots are about to be removed from a store, so that a removal
// that was cut between manifest and data is finished at the next start and not a day later by the sweep.
type Removals struct{ Area *staging.Area }

// noteInTheMaking begins the name of a note that is being written.
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
	file, err := r.Area.Create(noteInTheMaking)
	if err != nil {
		return fmt.Errorf("note removals: %w", err)
	}
	_, err = file.Write(body)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(file.Name(), r.path(store))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("note removals: %w", err), staging.Discard(file))
	}
	return errors.Join(file.Close(), staging.SyncFolder(r.Area.Path()))
}

// end forgets the note.
func (r Removals) end(store string) error {
	if err := os.Remove(r.path(store)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget removals: %w", err)
	}
	return nil
}

// Finish completes the removals that were cut, in the stores given. The error names the stores in which that has to wait.
func (r Removals) Finish(ctx context.Context, stores []Store) (removed int, err error) {
	if removed, err = r.Area.SweepPrefix(ctx, noteInTheMaking); err != nil {
		return removed, err
	}
	for _, store := range stores {
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
func finish(ctx context.Context, store Store, ids []string) (removed int, err error) {
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
