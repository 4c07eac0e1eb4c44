// Package catalog keeps snapshots in a bucket: which objects make one, and in which order they are
// written and removed. It knows manifests and keys, and nothing of providers or of etcd.
//
// Its one invariant is the commit protocol: data first, manifest last; removed in the opposite
// order. What lies between is an orphan: no list shows it, and a sweep removes it once it is too old to be
// an upload that is still going on.
package catalog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
)

// ErrNotFound means that the store has no such snapshot. It may be in another store.
var ErrNotFound = errors.New("no such snapshot")

// Catalog is the home of one cluster in one bucket.
type Catalog struct {
	bucket  storage.Bucket
	cluster string
	home    string
	trial   *trial
}

// clusterForm is what may name a cluster's home.
var clusterForm = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// New opens the home of the cluster named. Nothing is written.
func New(bucket storage.Bucket, cluster string) (*Catalog, error) {
	if !clusterForm.MatchString(cluster) {
		return nil, fmt.Errorf("catalog: cluster name %.70q is not of [a-z0-9-]{1,63}", cluster)
	}
	return &Catalog{bucket: bucket, cluster: cluster, home: "v1/" + cluster + "/", trial: &trial{}}, nil
}

// Entry is one snapshot as a listing shows it.
type Entry struct {
	ID       snapshot.ID
	Manifest storage.Object
	// Data is one object, whose key the manifest names. More: somebody sealed a copy by hand.
	Data []storage.Object
}

// SizeBytes is what the data takes in the store.
func (e Entry) SizeBytes() int64 {
	size := int64(0)
	for _, obj := range e.Data {
		size += obj.Size
	}
	return size
}

// Intact reports whether the listing shows the very data object that the manifest names, of its size. It is a look at names
// and sizes, and no proof of the bytes.
func (e Entry) Intact(m snapshot.Manifest) bool {
	return slices.ContainsFunc(e.Data, func(obj storage.Object) bool {
		return obj.Key == m.Object.Key && obj.Size == m.Object.SizeBytes
	})
}

// Listing is what a home holds.
type Listing struct {
	// Snapshots, oldest first: each has its manifest and its data.
	Snapshots []Entry
	// Orphans are data without a manifest: an upload that goes on, or was cut.
	Orphans []storage.Object
	// MissingData have a manifest whose data is gone: somebody else removed it.
	MissingData []Entry
}

const manifestSuffix = ".json"

// dataSuffixes are the endings of data objects, the longest first.
var dataSuffixes = []string{".db.zst.age", ".db.zst", ".db.age", ".db"}

func (c *Catalog) snapshotsPrefix() string { return c.home + "snapshots/" }

func (c *Catalog) manifestKey(id string) string { return c.snapshotsPrefix() + id + manifestSuffix }

// DataKey is the key of a snapshot's data, given its compression and encryption.
func (c *Catalog) DataKey(id, compression, encryption string) string {
	return c.snapshotsPrefix() + id + ".db" + seal.Suffix(compression, encryption)
}

// List reads what the home holds, by listing alone. Keys that are not of the layout are passed over.
func (c *Catalog) List(ctx context.Context) (Listing, error) {
	data, manifests := map[snapshot.ID][]storage.Object{}, map[snapshot.ID]storage.Object{}
	for obj, err := range c.bucket.List(ctx, c.snapshotsPrefix()) {
		if err != nil {
			return Listing{}, fmt.Errorf("list snapshots: %w", err)
		}
		id, suffix, ok := c.parse(obj.Key)
		switch {
		case !ok:
		case suffix == manifestSuffix:
			manifests[id] = obj
		default:
			data[id] = append(data[id], obj)
		}
	}
	var l Listing
	for id, manifest := range manifests {
		entry := Entry{ID: id, Manifest: manifest, Data: data[id]}
		if len(entry.Data) > 0 {
			l.Snapshots = append(l.Snapshots, entry)
		} else {
			l.MissingData = append(l.MissingData, entry)
		}
	}
	for id, objects := range data {
		if _, committed := manifests[id]; !committed {
			l.Orphans = append(l.Orphans, objects...)
		}
	}
	byID := func(a, b Entry) int { return a.ID.Compare(b.ID) }
	slices.SortFunc(l.Snapshots, byID)
	slices.SortFunc(l.MissingData, byID)
	slices.SortFunc(l.Orphans, func(a, b storage.Object) int { return strings.Compare(a.Key, b.Key) })
	return l, nil
}

// parse reads the key of an object below snapshots/.
func (c *Catalog) parse(key string) (id snapshot.ID, suffix string, ok bool) {
	name, ok := strings.CutPrefix(key, c.snapshotsPrefix())
	if !ok {
		return id, "", false
	}
	for _, suffix := range append([]string{manifestSuffix}, dataSuffixes...) {
		if text, ok := strings.CutSuffix(name, suffix); ok {
			id, err := snapshot.ParseID(text)
			return id, suffix, err == nil
		}
	}
	return id, "", false
}

// Find gives the entry of an ID. ErrNotFound: there is no manifest of that name.
func (c *Catalog) Find(ctx context.Context, id snapshot.ID) (Entry, error) {
	entry := Entry{ID: id}
	for obj, err := range c.bucket.List(ctx, c.snapshotsPrefix()+id.String()+".") {
		if err != nil {
			return entry, fmt.Errorf("find snapshot %s: %w", id, err)
		}
		found, suffix, ok := c.parse(obj.Key)
		switch {
		case !ok || found.Compare(id) != 0:
		case suffix == manifestSuffix:
			entry.Manifest = obj
		default:
			entry.Data = append(entry.Data, obj)
		}
	}
	if entry.Manifest.Key == "" {
		return entry, fmt.Errorf("snapshot %s: %w", id, ErrNotFound)
	}
	return entry, nil
}

// Commit stores a snapshot: data, then manifest. The manifest comes back with the
// store's version of the data. A Commit that was cut is finished by another with the same arguments.
//
// fs.ErrExist means that there is a different snapshot of that ID, of the same second and revision: see MoveOn. ErrUnfit means that the
// manifest can be stored nowhere.
func (c *Catalog) Commit(ctx context.Context, m snapshot.Manifest, data io.ReaderAt) (snapshot.Manifest, error) {
	m.Object.Key = c.DataKey(m.ID, m.Object.Compression, m.Object.Encryption)
	if m.Cluster.Name != c.cluster {
		return m, fmt.Errorf("commit snapshot %s: it is of cluster %q and not of %q", m.ID, m.Cluster.Name, c.cluster)
	}
	// A manifest that nobody could read back is refused before the store has the data.
	if err := Fit(m); err != nil {
		return m, fmt.Errorf("commit snapshot: %w", err)
	}
	if c.trial.overwrites.Load() {
		return c.commitGuarded(ctx, m, data)
	}
	return c.commit(ctx, m, data)
}

// ErrUnfit means that a manifest cannot be encoded: another try, or another store, does not help.
var ErrUnfit = errors.New("its manifest cannot be stored anywhere")

// Fit makes sure that a manifest can be encoded; its error wraps ErrUnfit.
func Fit(m snapshot.Manifest) error {
	if _, err := m.Encode(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	return nil
}

// commit writes data, then manifest.
func (c *Catalog) commit(ctx context.Context, m snapshot.Manifest, data io.ReaderAt) (snapshot.Manifest, error) {
	sum, err := hex.DecodeString(m.Object.SHA256)
	if err != nil {
		return m, fmt.Errorf("commit snapshot %s: object SHA-256 %q: %w", m.ID, m.Object.SHA256, err)
	}
	obj, err := c.bucket.Put(ctx, storage.Upload{Key: m.Object.Key, Body: data, Size: m.Object.SizeBytes, SHA256: [sha256.Size]byte(sum)})
	if err != nil {
		return m, fmt.Errorf("commit snapshot %s: %w", m.ID, err)
	}
	m.Object.Version = obj.Version
	body, err := m.Encode()
	if err != nil {
		return m, fmt.Errorf("commit snapshot: %w", err)
	}
	_, err = c.bucket.Put(ctx, upload(c.manifestKey(m.ID), body))
	if err != nil {
		return m, fmt.Errorf("commit snapshot %s: manifest: %w", m.ID, err)
	}
	return m, nil
}

// removeRest takes away what is left of a snapshot without a manifest: the data last, since only data is listed.
func (c *Catalog) removeRest(ctx context.Context, id snapshot.ID, data []storage.Object) error {
	if err := c.removeProofs(ctx, id); err != nil && !heldBack(err) {
		return err
	}
	for _, obj := range data {
		if err := c.bucket.Delete(ctx, obj); err != nil {
			return fmt.Errorf("remove snapshot %s: %w", id, err)
		}
	}
	return nil
}

// FinishRemoval removes the data of a snapshot whose manifest is gone, and does nothing where there is one. It is for
// removals that were cut, and gives the number of data objects removed.
func (c *Catalog) FinishRemoval(ctx context.Context, id snapshot.ID) (removed int, err error) {
	entry, err := c.Find(ctx, id)
	if !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	if err := c.removeRest(ctx, id, entry.Data); err != nil {
		return 0, fmt.Errorf("finish the removal of %s: %w", id, err)
	}
	return len(entry.Data), nil
}

// Sweep removes the orphans that are older than age by the store's clock, and gives their keys.
func (c *Catalog) Sweep(ctx context.Context, orphans []storage.Object, now time.Time, age time.Duration) (removed []string, err error) {
	for _, obj := range orphans {
		if now.Sub(obj.Stored) < age {
			continue
		}
		// It may have been committed since it was listed.
		id, suffix, ok := c.parse(obj.Key)
		if !ok || suffix == manifestSuffix {
			continue
		}
		if _, err := c.Find(ctx, id); !errors.Is(err, ErrNotFound) {
			if err != nil {
				return removed, err
			}
			continue
		}
		if err := c.removeRest(ctx, id, []storage.Object{obj}); err != nil {
			return removed, fmt.Errorf("sweep orphan %s: %w", obj.Key, err)
		}
		removed = append(removed, obj.Key)
	}
	return removed, nil
}

func upload(key string, body []byte) storage.Upload {
	return storage.Upload{Key: key, Body: bytes.NewReader(body), Size: int64(len(body)), SHA256: sha256.Sum256(body)}
}
