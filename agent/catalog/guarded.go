package catalog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
)

// In a store that overwrites, nothing keeps two agents from writing the same keys. So each says first, under a key that nobody else has, that
// it is about to: of those who do so at once, the one with the smallest key writes, after the others gave way.
const (
	intentPatience = 10 * time.Second // for others to give way
	intentPoll     = 100 * time.Millisecond
	intentAge      = time.Hour      // by then its writer is dead
	intentSweep    = 24 * time.Hour // whatever two clocks say
)

// commitGuarded is commit in a store that overwrites. It ends with reading everything back.
func (c *Catalog) commitGuarded(ctx context.Context, m snapshot.Manifest, data io.ReaderAt) (stored snapshot.Manifest, err error) {
	prefix := c.home + "intents/" + m.ID + "/"
	intent, err := c.bucket.Put(ctx, upload(prefix+rand.Text(), []byte(m.Member.Name+"\n")))
	if err != nil {
		return m, fmt.Errorf("commit snapshot %s: %w", m.ID, err)
	}
	defer func() {
		// It goes even if the commit was cut short: until then, or for an hour, nobody else takes the ID.
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), intentPatience)
		defer cancel()
		if derr := c.bucket.Delete(within, intent); derr != nil && !heldBack(derr) && err == nil {
			err = fmt.Errorf("commit snapshot %s: %w", m.ID, derr)
		}
	}()
	if err := c.awaitTurn(ctx, prefix, intent); err != nil {
		return m, fmt.Errorf("commit snapshot %s: %w", m.ID, err)
	}
	if err := c.holdsNoOther(ctx, m); err != nil {
		return m, fmt.Errorf("commit snapshot %s: %w", m.ID, err)
	}
	stored, err = c.commit(ctx, m, data)
	if err != nil {
		return stored, err
	}
	return stored, c.isOurs(ctx, stored)
}

// ErrWrittenOver comes with fs.ErrExist: somebody wrote over a snapshot while it was stored, and what is there under its ID is not ours.
var ErrWrittenOver = errors.New("somebody wrote over it")

// awaitTurn returns when nobody else is about to write under the ID. fs.ErrExist: somebody goes first.
func (c *Catalog) awaitTurn(ctx context.Context, prefix string, own storage.Object) error {
	begun := time.Now()
	for {
		others := false
		now := own.Stored
		for obj, err := range c.bucket.List(ctx, prefix) {
			switch {
			case err != nil:
				return err
			case obj.Key == own.Key:
				now = obj.Stored
				continue
			case !obj.Stored.IsZero() && !now.IsZero() && now.Sub(obj.Stored) > intentAge:
				continue
			case obj.Key < own.Key:
				return fmt.Errorf("another agent is about to store a snapshot of that ID: %w", fs.ErrExist)
			}
			others = true
		}
		if !others {
			return nil
		}
		if time.Since(begun) > intentPatience {
			return fmt.Errorf("another agent stores a snapshot of that ID: %w", fs.ErrExist)
		}
		if err := cancellation.Wait(ctx, intentPoll); err != nil {
			return err
		}
	}
}

// SweepIntents removes what agents left that died while they committed, in a store that is known to overwrite; others hold none.
func (c *Catalog) SweepIntents(ctx context.Context) error {
	if !c.trial.overwrites.Load() {
		return nil
	}
	for obj, err := range c.bucket.List(ctx, c.home+"intents/") {
		if err == nil && time.Since(obj.Stored) > intentSweep {
			err = c.bucket.Delete(ctx, obj)
		}
		if err != nil {
			return fmt.Errorf("sweep intents: %w", err)
		}
	}
	return nil
}

// holdsNoOther makes sure that what the store has under the ID, if anything, is what an earlier try of ours left. fs.ErrExist: it is not.
func (c *Catalog) holdsNoOther(ctx context.Context, m snapshot.Manifest) error {
	entry, err := c.Find(ctx, mustID(m))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	for _, obj := range entry.Data {
		if obj.Key != m.Object.Key || obj.Size != m.Object.SizeBytes {
			return fmt.Errorf("the store has other data of that ID, %s: %w", obj.Key, fs.ErrExist)
		}
		if err := c.Holds(ctx, m); errors.Is(err, ErrOtherBytes) {
			return fmt.Errorf("the store has other data of that ID, %s: %w", obj.Key, fs.ErrExist)
		} else if err != nil {
			return err
		}
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	theirs, err := c.Manifest(ctx, entry)
	switch {
	case errors.Is(err, snapshot.ErrDamaged):
		return fmt.Errorf("the store has a manifest of that ID that is none of ours: %w", fs.ErrExist)
	case err != nil:
		return err
	case theirs.Object.SHA256 != m.Object.SHA256 || theirs.Member.ID != m.Member.ID || theirs.Cluster.ID != m.Cluster.ID:
		return fmt.Errorf("the store has another snapshot of that ID: %w", fs.ErrExist)
	}
	return nil
}

// isOurs reads back what was stored. ErrWrittenOver: somebody wrote over it. Our manifest is gone then: it would promise data that are not there.
func (c *Catalog) isOurs(ctx context.Context, m snapshot.Manifest) error {
	entry, err := c.Find(ctx, mustID(m))
	if err != nil {
		return fmt.Errorf("read back snapshot %s: %w", m.ID, err)
	}
	got, err := c.read(ctx, entry.Manifest, snapshot.MaxManifestBytes)
	if err != nil {
		return fmt.Errorf("read back snapshot %s: %w", m.ID, err)
	}
	want, err := m.Encode()
	if err != nil {
		return err
	}
	over := fmt.Errorf("read back snapshot %s: %w: %w", m.ID, ErrWrittenOver, fs.ErrExist)
	if string(got) != string(want) {
		return over
	}
	if entry.Intact(m) && len(entry.Data) == 1 {
		if err = c.Holds(ctx, m); err == nil {
			return nil
		}
		if !errors.Is(err, ErrOtherBytes) {
			return fmt.Errorf("read back snapshot %s: %w", m.ID, err)
		}
	}
	if err := c.bucket.Delete(ctx, entry.Manifest); err != nil && !heldBack(err) {
		return errors.Join(over, err)
	}
	return over
}

// Seen makes sure that a listing of the store shows manifest and data of a snapshot, each with its size. Until then the store may be anything
// that answers.
func (c *Catalog) Seen(ctx context.Context, m snapshot.Manifest) error {
	body, err := m.Encode()
	if err != nil {
		return err
	}
	entry, err := c.Find(ctx, mustID(m))
	switch {
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("the store took snapshot %s, and does not list it", m.ID)
	case err != nil:
		return err
	case entry.Manifest.Size != int64(len(body)):
		return fmt.Errorf("the store took snapshot %s, and lists its manifest with %d bytes and not %d", m.ID, entry.Manifest.Size, len(body))
	case !entry.Intact(m):
		return fmt.Errorf("the store took snapshot %s, and does not list its data %s with %d bytes", m.ID, m.Object.Key, m.Object.SizeBytes)
	}
	return nil
}

// mustID is the ID of a manifest that was found fit to be encoded, which none is without an ID.
func mustID(m snapshot.Manifest) snapshot.ID { return snapshot.NewID(m.TakenAt, m.Revision) }
