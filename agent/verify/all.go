package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
)

// Pass is a reading of every snapshot of some stores.
type Pass struct {
	// UnreadFor passes over the snapshots that were read within this time: a pass that was cut goes on where it was. 0: none is passed over.
	UnreadFor time.Duration
	// BytesPerSecond bounds the average rate of reading from a store; 0: nothing does.
	BytesPerSecond int64
	// Told hears of each snapshot, as soon as it was read.
	Told func(Reading)
}

// Reading is what the reading of one snapshot of a pass came to.
type Reading struct {
	Store string `json:"store"`
	Verification
	// Level of proof that the snapshot has now; 0: it is not proven.
	Level int `json:"level"`
	// Error is why the question stays open; "": it does not.
	Error string `json:"error,omitempty"`
	// Passed means that it was read a short time ago.
	Passed bool `json:"passed,omitempty"`
}

// Word is the reading in one word.
func (r Reading) Word() string {
	switch {
	case r.Passed:
		return "read before"
	case r.Error != "":
		return "not known"
	case r.Damaged():
		return "DAMAGED"
	case r.Level == 0:
		return "not proven"
	}
	return "ok"
}

// All reads every snapshot of the stores, the newest first. The error names what is damaged, wrapping snapshot.ErrDamaged, and what could not be read; the others
// are read all the same.
func (v *Verifier) All(ctx context.Context, all []stores.Store, p Pass) error {
	var wrong error
	for _, store := range all {
		listing, err := store.Catalog.List(ctx)
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("store %s: %w", store.Name, err))
			continue
		}
		read := map[string]time.Time{}
		if p.UnreadFor > 0 {
			if read, err = store.Catalog.ReadTimes(ctx, time.Now(), snapshot.CheckReadBack, checkObject); err != nil {
				wrong = errors.Join(wrong, fmt.Errorf("store %s: %w", store.Name, err))
			}
		}
		entries := slices.Concat(listing.Snapshots, listing.MissingData)
		slices.SortFunc(entries, func(a, b catalog.Entry) int { return b.ID.Compare(a.ID) })
		for _, entry := range entries {
			r, err := v.one(ctx, store, entry, p, read[entry.ID.String()])
			if ctx.Err() != nil {
				return errors.Join(wrong, context.Cause(ctx))
			}
			if errors.Is(err, catalog.ErrNotFound) {
				continue // pruned since it was listed
			}
			wrong = errors.Join(wrong, err)
			p.Told(r)
		}
	}
	return wrong
}

// one reads one snapshot, unless it was read a short time ago, and then waits as long as the rate asks.
func (v *Verifier) one(ctx context.Context, store stores.Store, entry catalog.Entry, p Pass, read time.Time) (Reading, error) {
	id := entry.ID.String()
	r := Reading{Store: store.Name, Verification: Verification{ID: id}}
	if p.UnreadFor > 0 && time.Since(read) < p.UnreadFor {
		// What was found damaged is not passed over in silence: it is read again.
		proofs, err := store.Catalog.Proofs(ctx, entry.ID)
		if r.Passed = err == nil && len(proofs) > 0 && proofs[len(proofs)-1].Check.OK; r.Passed {
			return r, nil
		}
	}
	begun := time.Now()
	err := v.read(ctx, store, entry, &r)
	if errors.Is(err, snapshot.ErrDamaged) {
		r.Verification = Verification{ID: id}
		r.add(checkObject, false, snapshot.Damage(err))
		err = nil
	}
	if err != nil {
		r.Error = err.Error()
		return r, fmt.Errorf("store %s: snapshot %s: %w", store.Name, id, err)
	}
	if p.BytesPerSecond > 0 {
		due := time.Duration(float64(entry.SizeBytes()) / float64(p.BytesPerSecond) * float64(time.Second))
		if wait := due - time.Since(begun); wait > 0 {
			if err := cancellation.Wait(ctx, wait); err != nil {
				return r, err
			}
		}
	}
	if failed, found := firstDamage(r.Checks); found {
		return r, fmt.Errorf("store %s: snapshot %s: %w: %s: %s", store.Name, id, snapshot.ErrDamaged, failed.Name, failed.Detail)
	}
	return r, nil
}

// read makes every check, and finds the level of proof that follows.
func (v *Verifier) read(ctx context.Context, store stores.Store, entry catalog.Entry, r *Reading) error {
	if len(entry.Data) == 0 {
		if err := cancellation.Wait(ctx, v.Apart); err != nil {
			return err
		}
		if err := lookAgain(ctx, store, entry); err != nil {
			return err
		}
	}
	m, err := store.Catalog.Manifest(ctx, entry)
	if err != nil {
		return err
	}
	if r.Verification, err = v.Stored(ctx, stores.Found{Store: store, Entry: entry, Manifest: m}); err != nil {
		return err
	}
	if !r.OK {
		return nil
	}
	proofs, err := store.Catalog.Proofs(ctx, entry.ID)
	if err != nil && !errors.Is(err, snapshot.ErrDamaged) {
		return err
	}
	r.Level = snapshot.Level(m.Checks)
	for _, p := range proofs {
		if p.Check.OK && r.Level > 0 {
			r.Level = max(r.Level, snapshot.LevelOf(p.Check.Name))
		}
	}
	return nil
}
