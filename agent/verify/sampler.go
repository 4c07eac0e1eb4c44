package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
)

// Sampler reads a share of the stored snapshots back whole: in every store the newest one, and of the others those that were not read for the longest
// time, so that each is read within a known number of runs.
type Sampler struct {
	Verifier *Verifier
	Stores   []stores.Store
	Share    float64 // 0 to 1; 0: none at all
	Log      *slog.Logger
}

// Run reads. Damage, and a store that cannot be read, end no run: the error names all of them at its end. It
// wraps snapshot.ErrDamaged when damage was found.
func (s *Sampler) Run(ctx context.Context) error {
	var wrong error
	for _, store := range s.Stores {
		listing, err := store.Catalog.List(ctx)
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("store %s: %w", store.Name, err))
			continue
		}
		s.tryCreateOnly(ctx, store)
		if err := s.missingData(ctx, store, listing.MissingData); err != nil {
			wrong = errors.Join(wrong, err)
		}
		read, err := store.Catalog.ReadTimes(ctx, time.Now(), snapshot.CheckReadBack, checkObject)
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("store %s: %w", store.Name, err))
		}
		picked := sample(listing.Snapshots, s.Share, read)
		if runs := Period(len(listing.Snapshots), s.Share); runs > 0 {
			s.Log.Info("stored snapshots are read back", "store", store.Name, "files", len(picked), "reason", fmt.Sprintf("the whole store is read every %d runs", runs))
		}
		for _, entry := range picked {
			if err := s.reread(ctx, store, entry); err != nil {
				wrong = errors.Join(wrong, fmt.Errorf("store %s: snapshot %s: %w", store.Name, entry.ID, err))
			}
			if ctx.Err() != nil {
				return errors.Join(wrong, context.Cause(ctx))
			}
		}
	}
	return wrong
}

// tryCreateOnly finds out anew whether a store overwrites: a gateway may have been put before it, or changed, since it was first used.
func (s *Sampler) tryCreateOnly(ctx context.Context, store stores.Store) {
	switch overwrites, err := store.Catalog.TryCreateOnly(ctx); {
	case err != nil:
		s.Log.Warn("not tried whether the store overwrites", "store", store.Name, "error", err)
	case overwrites:
		s.Log.Warn("store overwrites, every snapshot is read back", "store", store.Name)
	}
}

// missingData names the snapshots whose data another listing, some time later, does not show either.
func (s *Sampler) missingData(ctx context.Context, store stores.Store, missing []catalog.Entry) (wrong error) {
	if len(missing) == 0 {
		return nil
	}
	if err := cancellation.Wait(ctx, s.Verifier.Apart); err != nil {
		return err
	}
	for _, e := range missing {
		err := lookAgain(ctx, store, e)
		switch {
		case errors.Is(err, catalog.ErrNotFound): // removed since it was listed
		case errors.Is(err, snapshot.ErrDamaged):
			wrong = errors.Join(wrong, fmt.Errorf("store %s: snapshot %s: %w", store.Name, e.ID, err))
		case err != nil:
			wrong = errors.Join(wrong, fmt.Errorf("store %s: %w", store.Name, err))
		}
	}
	return wrong
}

// lookAgain looks once more for data that a listing did not show. The error wraps catalog.ErrNotFound if the snapshot was removed, and
// snapshot.ErrDamaged if its data is gone; any other error means that nothing is known.
func lookAgain(ctx context.Context, store stores.Store, e catalog.Entry) error {
	again, err := store.Catalog.Find(ctx, e.ID)
	if err == nil && len(again.Data) == 0 {
		err = fmt.Errorf("%w: its data is gone", snapshot.ErrDamaged)
	}
	return err
}

func (s *Sampler) reread(ctx context.Context, store stores.Store, entry catalog.Entry) error {
	m, err := store.Catalog.Manifest(ctx, entry)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil // pruned since it was listed
	}
	if err != nil {
		return err
	}
	result, err := s.Verifier.Stored(ctx, stores.Found{Store: store, Entry: entry, Manifest: m})
	if err != nil {
		return err
	}
	if failed, found := snapshot.FirstFailed(result.Checks); found {
		return failed.Err()
	}
	s.Log.Info("snapshot read back", "snapshot", m.ID, "store", store.Name)
	return nil
}

// shares says how many of so many snapshots a run reads beside the newest: those that were not read for the longest time, and some by chance.
func shares(count int, share float64) (longest, chance int) {
	n := int(math.Ceil(float64(count) * share))
	if n <= 0 || count < 2 {
		return 0, 0
	}
	older := min(max(n-1, 1), count-1)
	// What leaves no trace when it is read, in a store that takes no proofs, would be the oldest for ever: chance gets by it.
	chance = older / 4
	return older - chance, chance
}

// Period is the number of runs within which each of so many snapshots is read back; 0: none is ever read. It holds while a run reads at least as many
// as come in between two runs.
func Period(count int, share float64) int {
	longest, _ := shares(count, share)
	switch {
	case count == 0 || share <= 0:
		return 0
	case longest == 0:
		return 1 // there is none but the newest
	}
	return (count - 1 + longest - 1) / longest
}

// sample takes a share of the entries, rounded up: the newest, those that were not read for the longest time, and some by chance. A snapshot that was never
// read counts from when it was taken.
func sample(entries []catalog.Entry, share float64, read map[string]time.Time) []catalog.Entry {
	if share <= 0 || len(entries) == 0 {
		return nil
	}
	longest, chance := shares(len(entries), share)
	older := slices.Clone(entries[:len(entries)-1])
	last := func(e catalog.Entry) time.Time {
		if at := read[e.ID.String()]; at.After(e.ID.TakenAt) {
			return at
		}
		return e.ID.TakenAt
	}
	slices.SortStableFunc(older, func(a, b catalog.Entry) int { return last(a).Compare(last(b)) })
	rest := older[longest:]
	rand.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	return append([]catalog.Entry{entries[len(entries)-1]}, older[:longest+chance]...)
}
