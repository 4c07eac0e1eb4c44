package stores

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// Marks returns a mark for the manifest of each snapshot, "-" if the manifest was not read: only those of so
// many newest are. What is wrong with a manifest
// is returned as an error.
func Marks(ctx context.Context, store Store, entries []catalog.Entry, newest int) ([]string, error) {
	var unread error
	marks := slices.Repeat([]string{"-"}, len(entries))
	first := max(0, len(entries)-newest)
	manifests, errs := Manifests(ctx, store, entries[first:])
	for i, m := range manifests {
		mark := "ok"
		switch {
		case errors.Is(errs[i], snapshot.ErrDamaged):
			mark = "damaged"
		case errs[i] != nil:
			mark = "not read"
		case m.Emergency:
			mark = "emergency"
		case !m.Proven():
			mark = "not proven"
		}
		marks[first+i] = mark
		if errs[i] != nil && !errors.Is(errs[i], catalog.ErrNotFound) {
			unread = errors.Join(unread, fmt.Errorf("store %s: %w", store.Name, errs[i]))
		}
	}
	return marks, unread
}
