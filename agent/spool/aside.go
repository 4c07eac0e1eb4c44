package spool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/etcdward/etcdward/agent/atomicfile"
	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
)

// ErrSpoilt means that an entry is not what was spooled: its data changed, or are gone, or its record cannot be read. No store can take it, and
// no other try helps.
var ErrSpoilt = errors.New("what waits here is not what was spooled")

// asideName is the folder, below the spool, of entries that no store can take. They wait for nothing but a person.
const asideName = "set-aside"

// Aside is an entry that was set aside.
type Aside struct{ ID, Reason string }

// Check reads the data of an entry and holds them to the record. The error wraps ErrSpoilt if the fault is the entry's own; an entry that is
// gone, delivered or dropped meanwhile, is none: fs.ErrNotExist.
func (s *Spool) Check(ctx context.Context, entry Entry) error {
	id := entry.Manifest.ID
	data, err := s.Data(id)
	if errors.Is(err, fs.ErrNotExist) {
		if _, rerr := os.Stat(s.recordPath(id)); rerr == nil {
			return fmt.Errorf("spool %s: %w: its data are gone", id, ErrSpoilt)
		}
		return err
	}
	if err != nil {
		return err
	}
	defer data.Close()
	sum := sha256.New()
	size, err := io.CopyBuffer(sum, cancellation.Reader(ctx, data), make([]byte, 256<<10))
	switch want := entry.Manifest.Object; {
	case err != nil:
		return fmt.Errorf("spool %s: %w", id, err)
	case size != want.SizeBytes:
		return fmt.Errorf("spool %s: %w: its data have %d bytes and not %d", id, ErrSpoilt, size, want.SizeBytes)
	case hex.EncodeToString(sum.Sum(nil)) != want.SHA256:
		return fmt.Errorf("spool %s: %w: the SHA-256 of its data is another one", id, ErrSpoilt)
	}
	return nil
}

// SetAside takes an entry out of the queue, with the reason, and keeps its files. It does nothing to an entry that is gone.
func (s *Spool) SetAside(id string, reason error) error {
	aside, err := staging.Open(filepath.Join(s.area.Path(), asideName))
	if err != nil {
		return fmt.Errorf("set %s aside: %w", id, err)
	}
	return s.exclusively(func() error {
		if _, err := os.Lstat(s.recordPath(id)); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		text := []byte(snapshot.Printable(reason.Error()) + "\n")
		if err := atomicfile.Write(filepath.Join(aside.Path(), id+".reason"), text, atomicfile.Options{FolderOwner: true}); err != nil {
			return fmt.Errorf("set %s aside: %w", id, err)
		}
		// The data first: a sweep removes data without a record.
		for _, path := range []string{s.dataPath(id), s.recordPath(id)} {
			err := os.Rename(path, filepath.Join(aside.Path(), filepath.Base(path)))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("set %s aside: %w", id, err)
			}
		}
		return errors.Join(staging.SyncFolder(aside.Path()), staging.SyncFolder(s.area.Path()))
	})
}

// Spoilt gives the entries whose records are damaged, by ID, and what is wrong with each.
func (s *Spool) Spoilt() (map[string]error, error) {
	_, broken, err := read(s.area.Path())
	spoilt := map[string]error{}
	for id, cause := range broken {
		if errors.Is(cause, ErrSpoilt) {
			spoilt[id] = cause
		}
	}
	return spoilt, err
}

// PeekAside lists what was set aside in the spool in a folder, oldest first, for those who only look.
func PeekAside(folder string) ([]Aside, error) {
	files, err := os.ReadDir(filepath.Join(folder, asideName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var all []Aside
	for _, file := range files {
		id, ok := strings.CutSuffix(file.Name(), ".reason")
		if _, err := snapshot.ParseID(id); !ok || err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, asideName, file.Name()))
		if err != nil {
			return all, fmt.Errorf("spool: %w", err)
		}
		all = append(all, Aside{ID: id, Reason: strings.TrimSpace(string(text))})
	}
	return all, nil
}
