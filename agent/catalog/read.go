package catalog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
)

// ErrOtherBytes means that the stored data are not those of the manifest, or gone, as far as one reading and a listing made after it tell. It comes
// with snapshot.ErrDamaged. A second reading, some time later, makes it a fact.
var ErrOtherBytes = errors.New("not the bytes that were stored")

// errMisfit means that what a store gave does not fit what it lists: a proxy that answers in its place, a fail-over, a cut connection. Nothing
// follows from it.
var errMisfit = errors.New("what the store gives does not fit what it lists, it could not be checked")

// secondLook is the time between two looks at a manifest that is not as it should be.
const secondLook = 200 * time.Millisecond

// Manifest reads the manifest of an entry, and holds it to its place. Its line for a shell is made anew: people copy it into one. An error
// that wraps snapshot.ErrDamaged means that, by two readings and two listings, it is no manifest, was copied from elsewhere, or names other
// data than the store lists. ErrNotFound: a listing confirms that it is gone.
func (c *Catalog) Manifest(ctx context.Context, entry Entry) (snapshot.Manifest, error) {
	m, err := c.manifestOf(ctx, entry)
	if !errors.Is(err, snapshot.ErrDamaged) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errMisfit) {
		return m, err
	}
	if perr := cancellation.Wait(ctx, secondLook); perr != nil {
		return m, fmt.Errorf("read manifest %s: %w", entry.ID, perr)
	}
	again, ferr := c.Find(ctx, entry.ID)
	if ferr != nil {
		return m, fmt.Errorf("read manifest %s: %w", entry.ID, ferr)
	}
	second, serr := c.manifestOf(ctx, again)
	switch {
	case serr == nil:
		return second, nil
	case errors.Is(serr, fs.ErrNotExist):
		return m, fmt.Errorf("read manifest %s: %w: it is listed, and cannot be opened", entry.ID, errMisfit)
	case !errors.Is(err, snapshot.ErrDamaged) && errors.Is(serr, snapshot.ErrDamaged):
		return m, fmt.Errorf("read manifest %s: %w: %s", entry.ID, errMisfit, serr.Error())
	case !errors.Is(serr, snapshot.ErrDamaged), serr.Error() == err.Error():
		return second, serr
	}
	// The reasons are told and not wrapped: which of them holds is not known.
	return m, fmt.Errorf("read manifest %s: %w: two readings differ: %s; %s", entry.ID, errMisfit, err.Error(), serr.Error())
}

// manifestOf is one reading of Manifest.
func (c *Catalog) manifestOf(ctx context.Context, entry Entry) (snapshot.Manifest, error) {
	body, err := c.read(ctx, entry.Manifest, snapshot.MaxManifestBytes)
	if err != nil {
		return snapshot.Manifest{}, fmt.Errorf("read manifest %s: %w", entry.ID, err)
	}
	m, err := snapshot.DecodeManifest(body)
	if err != nil {
		return m, fmt.Errorf("read manifest %s: %w: %w", entry.ID, snapshot.ErrDamaged, err)
	}
	want := c.DataKey(m.ID, m.Object.Compression, m.Object.Encryption)
	data := slices.IndexFunc(entry.Data, func(obj storage.Object) bool { return obj.Key == want })
	switch {
	case m.ID != entry.ID.String():
		return m, fmt.Errorf("read manifest %s: %w: it is that of %s", entry.ID, snapshot.ErrDamaged, m.ID)
	case m.Cluster.Name != c.cluster:
		return m, fmt.Errorf("read manifest %s: %w: it is that of cluster %q", entry.ID, snapshot.ErrDamaged, m.Cluster.Name)
	case m.Object.Key != want:
		return m, fmt.Errorf("read manifest %s: %w: it names the object %q and not %q", entry.ID, snapshot.ErrDamaged, m.Object.Key, want)
	case data < 0 && len(entry.Data) > 0:
		return m, fmt.Errorf("read manifest %s: %w: its data %s is gone from the store, which has %s", entry.ID, snapshot.ErrDamaged, want, entry.Data[0].Key)
	case data >= 0 && m.Object.Version == "" && entry.Data[data].Size != m.Object.SizeBytes:
		return m, fmt.Errorf("read manifest %s: %w: its data has %d bytes in the store and not %d", entry.ID, snapshot.ErrDamaged,
			entry.Data[data].Size, m.Object.SizeBytes)
	}
	m.Restore = ByHand(m)
	return m, nil
}

// read reads a small object whole, as it is listed, and refuses one of more than limit bytes: snapshot.ErrDamaged. Bytes of another length than
// the listed one are not the object, and say nothing of it.
func (c *Catalog) read(ctx context.Context, obj storage.Object, limit int64) ([]byte, error) {
	if obj.Size > limit {
		return nil, fmt.Errorf("%s: %w: more than %d bytes", obj.Key, snapshot.ErrDamaged, limit)
	}
	body, err := c.bucket.Open(ctx, obj)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	all, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(all)) != obj.Size {
		return nil, fmt.Errorf("%s: %w: %d bytes came, and %d are listed", obj.Key, errMisfit, len(all), obj.Size)
	}
	return all, nil
}

// Open reads the sealed data of a snapshot. The reader fails at its end when the bytes were not those that the manifest promises: with an
// error that wraps ErrOtherBytes if a listing says the same, as the data's absence does.
func (c *Catalog) Open(ctx context.Context, m snapshot.Manifest) (io.ReadCloser, error) {
	body, err := c.bucket.Open(ctx, storage.Object{Key: m.Object.Key, Version: m.Object.Version, Size: m.Object.SizeBytes})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, c.absent(ctx, m)
	}
	if err != nil {
		return nil, fmt.Errorf("open snapshot %s: %w", m.ID, err)
	}
	listed := func() (storage.Object, bool, error) { return c.listedData(ctx, m) }
	return &checkedReader{body: body, sum: sha256.New(), object: m.Object, listed: listed, id: m.ID}, nil
}

// absent is what it means that a store says of the data that there is none.
func (c *Catalog) absent(ctx context.Context, m snapshot.Manifest) error {
	obj, found, err := c.listedData(ctx, m)
	switch {
	case err != nil:
		return fmt.Errorf("open snapshot %s: its data cannot be opened, nor listed: %w", m.ID, err)
	case found && (obj.Version == "" || obj.Version == m.Object.Version):
		return fmt.Errorf("open snapshot %s: %w: its data %s is listed, and cannot be opened", m.ID, errMisfit, m.Object.Key)
	case found:
		return fmt.Errorf("snapshot %s: %w: %w: version %s of its data %s is gone from the store", m.ID, snapshot.ErrDamaged, ErrOtherBytes, m.Object.Version, m.Object.Key)
	}
	return fmt.Errorf("snapshot %s: %w: %w: its data %s is gone from the store", m.ID, snapshot.ErrDamaged, ErrOtherBytes, m.Object.Key)
}

// listedData looks for the data of a snapshot in a listing.
func (c *Catalog) listedData(ctx context.Context, m snapshot.Manifest) (obj storage.Object, found bool, err error) {
	for one, err := range c.bucket.List(ctx, m.Object.Key) {
		if err != nil {
			return obj, false, err
		}
		if one.Key == m.Object.Key {
			obj, found = one, true
		}
	}
	return obj, found, nil
}

// Holds reads the sealed data of a snapshot whole, and returns nil if they are those of its manifest. The error is as of the reader of Open.
func (c *Catalog) Holds(ctx context.Context, m snapshot.Manifest) error {
	body, err := c.Open(ctx, m)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(io.Discard, body, make([]byte, 256<<10))
	return errors.Join(err, body.Close())
}
