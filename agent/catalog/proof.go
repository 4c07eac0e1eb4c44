package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
)

// Proof is a later check of a stored snapshot.
type Proof struct {
	Format int            `json:"format"`
	ID     string         `json:"id"`
	At     time.Time      `json:"at"` // UTC, in whole seconds
	Check  snapshot.Check `json:"check"`
	Tool   string         `json:"tool"`
	// Drill tells more of a check of level 5; nil with the others.
	Drill *Drill `json:"drill,omitempty"`
}

// Drill is how a rehearsed restore went.
type Drill struct {
	// Host is where it was made, and Seconds the time from the order until every key was read.
	Host    string  `json:"host"`
	Seconds float64 `json:"seconds"`
}

// maxProofBytes bounds a stored proof.
const maxProofBytes = 16 << 10

// proofForm is the name of a proof below proofs/ID/: its time and its kind.
var proofForm = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z-[a-z_]{1,20}\.json$`)

// proofName is the name of a proof below proofs/ID/.
func proofName(p Proof) string {
	return p.At.UTC().Format(proofTime) + "-" + p.Check.Name + ".json"
}

// proofTime is the form of the time in the name of a proof. As text it sorts by time.
const proofTime = "20060102T150405Z"

// partsOf takes the key of a proof apart: its time, as in the key, and its kind.
func partsOf(key string) (at, kind string) {
	at, kind, _ = strings.Cut(key[strings.LastIndexByte(key, '/')+1:], "-")
	return at, strings.TrimSuffix(kind, ".json")
}

func (c *Catalog) proofsPrefix(id string) string { return c.home + "proofs/" + id + "/" }

// AddProof stores a proof beside its snapshot.
func (c *Catalog) AddProof(ctx context.Context, p Proof) error {
	if _, err := snapshot.ParseID(p.ID); err != nil {
		return fmt.Errorf("add proof: %w", err)
	}
	p.Format, p.At = 1, p.At.UTC().Truncate(time.Second)
	name := proofName(p)
	if !proofForm.MatchString(name) {
		return fmt.Errorf("add proof to %s: check %.40q at %s cannot be a key", p.ID, p.Check.Name, p.At.Format(time.RFC3339))
	}
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("add proof to %s: %w", p.ID, err)
	}
	key := c.proofsPrefix(p.ID) + name
	if _, err := c.bucket.Put(ctx, upload(key, append(body, '\n'))); err != nil {
		return fmt.Errorf("add proof to %s: %w", p.ID, err)
	}
	return nil
}

// NoteProof is AddProof for what must not be lost: a finding that meets another proof of its kind and second, which may have held, is stored a second later.
func (c *Catalog) NoteProof(ctx context.Context, p Proof) error {
	err := c.AddProof(ctx, p)
	if errors.Is(err, fs.ErrExist) && !p.Check.OK {
		p.At = p.At.Add(time.Second)
		err = c.AddProof(ctx, p)
	}
	return err
}

// Proofs gives the later proofs of a snapshot, oldest first. What somebody else wrote there is an error beside those that could be
// read, which wraps snapshot.ErrDamaged. Any other error: the store could not be read, and there may be more.
func (c *Catalog) Proofs(ctx context.Context, id snapshot.ID) ([]Proof, error) {
	var proofs []Proof
	var bad error
	for obj, err := range c.bucket.List(ctx, c.proofsPrefix(id.String())) {
		if err != nil {
			return proofs, fmt.Errorf("list the proofs of %s: %w", id, err)
		}
		name := strings.TrimPrefix(obj.Key, c.proofsPrefix(id.String()))
		if !proofForm.MatchString(name) {
			continue
		}
		p, err := c.proof(ctx, id.String(), obj)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // gone since it was listed
		case errors.Is(err, snapshot.ErrDamaged):
			bad = errors.Join(bad, fmt.Errorf("read proof %s: %w", obj.Key, err))
			continue
		case err != nil:
			return proofs, fmt.Errorf("read proof %s: %w", obj.Key, err)
		}
		proofs = append(proofs, p)
	}
	return proofs, bad
}

// Standing is what the later proofs of a snapshot come to.
type Standing struct {
	// Proof says what holds: of the newest of each kind the one that did not hold, or else the newest.
	Proof
	// Level is the highest of those that held; 0: none did.
	Level int
}

// LatestProofs gives the standing of each snapshot that has proofs, by ID. What is no proof is passed over for the one before it.
func (c *Catalog) LatestProofs(ctx context.Context) (map[string]Standing, error) {
	all, err := c.allProofs(ctx)
	if err != nil {
		return nil, err
	}
	latest := map[string]Standing{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	slots := make(chan struct{}, readsAtOnce)
	for id, objects := range all {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			p, found, err := c.latestOf(ctx, id, objects)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			if found {
				latest[id] = p
			}
		})
	}
	wg.Wait()
	return latest, failed
}

// latestOf reads the newest proof of each kind of one snapshot, whose proofs are in the order of their keys.
func (c *Catalog) latestOf(ctx context.Context, id string, objects []storage.Object) (p Standing, found bool, err error) {
	asked := map[string]bool{}
	for _, obj := range slices.Backward(objects) {
		_, kind := partsOf(obj.Key)
		if asked[kind] {
			continue // a newer one of its kind says what holds
		}
		q, err := c.proof(ctx, id, obj)
		if err == nil {
			asked[kind] = true
			// What did not boot is not mended by bytes that are still the same, and the other way round.
			if !found || p.Check.OK && !q.Check.OK {
				p.Proof, found = q, true
			}
			if q.Check.OK {
				p.Level = max(p.Level, snapshot.LevelOf(q.Check.Name))
			}
			continue
		}
		if !errors.Is(err, snapshot.ErrDamaged) && !errors.Is(err, fs.ErrNotExist) {
			return p, false, fmt.Errorf("read proof %s: %w", obj.Key, err)
		}
	}
	return p, found, nil
}

// readsAtOnce bounds how many small objects are read at the same time.
const readsAtOnce = 16

// proof reads one of a snapshot, and holds it to its key: twice, if it is not as it should be. fs.ErrNotExist: a listing confirms that it is
// gone. snapshot.ErrDamaged: it is no proof.
func (c *Catalog) proof(ctx context.Context, id string, obj storage.Object) (Proof, error) {
	p, err := c.proofOnce(ctx, id, obj)
	if !errors.Is(err, snapshot.ErrDamaged) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errMisfit) {
		return p, err
	}
	if perr := cancellation.Wait(ctx, secondLook); perr != nil {
		return p, perr
	}
	first := err
	if p, err = c.proofOnce(ctx, id, obj); !errors.Is(err, fs.ErrNotExist) {
		if errors.Is(err, snapshot.ErrDamaged) && !errors.Is(first, snapshot.ErrDamaged) {
			return p, fmt.Errorf("%w: %s", errMisfit, err.Error())
		}
		return p, err
	}
	for listed, lerr := range c.bucket.List(ctx, obj.Key) {
		if lerr != nil {
			return p, lerr
		}
		if listed.Key == obj.Key {
			return p, fmt.Errorf("%s: %w: it is listed, and cannot be opened", obj.Key, errMisfit)
		}
	}
	return p, err
}

// proofOnce is one reading of proof. Its texts come from the store and go to a terminal, which would obey
// control characters.
func (c *Catalog) proofOnce(ctx context.Context, id string, obj storage.Object) (Proof, error) {
	var p Proof
	body, err := c.read(ctx, obj, maxProofBytes)
	if err != nil {
		return p, err
	}
	if err := snapshot.DecodeJSON(body, &p); err != nil {
		return p, fmt.Errorf("%w: %w", snapshot.ErrDamaged, err)
	}
	if p.Format != 1 || p.ID != id || c.proofsPrefix(id)+proofName(p) != obj.Key {
		return p, fmt.Errorf("%w: it is not a proof of that snapshot, time and kind", snapshot.ErrDamaged)
	}
	p.Check.Detail, p.Tool = strings.Map(harmless, p.Check.Detail), strings.Map(harmless, p.Tool)
	return p, nil
}

func harmless(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// removeProofs takes the proofs of a snapshot away that is gone.
func (c *Catalog) removeProofs(ctx context.Context, id snapshot.ID) error {
	for obj, err := range c.bucket.List(ctx, c.proofsPrefix(id.String())) {
		if err != nil {
			return fmt.Errorf("remove the proofs of %s: %w", id, err)
		}
		if !proofForm.MatchString(strings.TrimPrefix(obj.Key, c.proofsPrefix(id.String()))) {
			continue
		}
		if err := c.bucket.Delete(ctx, obj); err != nil && !heldBack(err) {
			return fmt.Errorf("remove proof %s: %w", obj.Key, err)
		}
	}
	return nil
}
