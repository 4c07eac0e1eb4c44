package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
)

// Held is when checks of one kind last held.
type Held struct {
	// At is when the newest proof that held was made, TakenAt when the newest snapshot that has one was taken. Zero: there is none among
	// the newest few.
	At, TakenAt time.Time
	// Took is how long a restore took in the newest drill that held; 0 for the other kinds.
	Took time.Duration
}

// heldReads is how many proofs are read in search of one that held. Proofs that did not hold are rare.
const heldReads = 8

// named is a proof as its key tells of it.
type named struct {
	id     string
	at     string // as in the key, which sorts by time
	object storage.Object
}

// LastHeld returns when the checks of each kind last held. It lists the proofs and reads a handful of them. An error means that the store could
// not be read, so that nothing is known.
func (c *Catalog) LastHeld(ctx context.Context, kinds ...string) (map[string]Held, error) {
	all, err := c.allProofs(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]Held{}
	for _, kind := range kinds {
		var proofs []named
		for id, objects := range all {
			for _, obj := range objects {
				if at, its := partsOf(obj.Key); its == kind {
					proofs = append(proofs, named{id, at, obj})
				}
			}
		}
		held, err := c.lastHeld(ctx, proofs)
		if err != nil {
			return nil, err
		}
		out[kind] = held
	}
	return out, nil
}

// lastHeld looks among the proofs of one kind.
func (c *Catalog) lastHeld(ctx context.Context, proofs []named) (out Held, err error) {
	slices.SortFunc(proofs, func(a, b named) int { return cmp.Or(strings.Compare(b.at, a.at), strings.Compare(b.id, a.id)) })
	newest, err := c.firstHeld(ctx, proofs)
	if err != nil {
		return out, err
	}
	out.At = newest.At
	if newest.Drill != nil {
		out.Took = time.Duration(newest.Drill.Seconds * float64(time.Second))
	}
	slices.SortStableFunc(proofs, func(a, b named) int { return strings.Compare(b.id, a.id) })
	if newest, err = c.firstHeld(ctx, proofs); err != nil || newest.ID == "" {
		return out, err
	}
	id, err := snapshot.ParseID(newest.ID)
	out.TakenAt = id.TakenAt
	return out, err
}

// firstHeld reads proofs, in their order, until one held. It returns the zero Proof if none did.
func (c *Catalog) firstHeld(ctx context.Context, proofs []named) (Proof, error) {
	for _, n := range proofs[:min(len(proofs), heldReads)] {
		p, err := c.proof(ctx, n.id, n.object)
		switch {
		case errors.Is(err, snapshot.ErrDamaged), errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return p, fmt.Errorf("read proof %s: %w", n.object.Key, err)
		case p.Check.OK:
			return p, nil
		}
	}
	return Proof{}, nil
}

// ReadTimes returns when a check of one of the kinds was last made of each snapshot, by ID. It lists the proofs and reads none. A time after now is passed over: a
// clock was wrong, or a stranger wrote it.
func (c *Catalog) ReadTimes(ctx context.Context, now time.Time, kinds ...string) (map[string]time.Time, error) {
	all, err := c.allProofs(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	for id, objects := range all {
		for _, obj := range objects {
			text, kind := partsOf(obj.Key)
			at, err := time.Parse(proofTime, text)
			if err == nil && slices.Contains(kinds, kind) && at.After(out[id]) && !at.After(now) {
				out[id] = at
			}
		}
	}
	return out, nil
}
