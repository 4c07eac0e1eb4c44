// Package spool keeps verified, sealed snapshots on the local disk until every store has them. It
// knows manifests as the record that goes with the bytes, and store names as words; it talks to
// no store.
//
// Its one invariant: the record is written after the data and removed before it, so that an
// entry that is listed is whole, whenever the process was killed.
package spool

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
)

// Spool is a folder of entries.
type Spool struct {
	area  *staging.Area
	limit int64
	mu    sync.Mutex // of records, which deliveries to several stores change
}

// Entry is one snapshot on its way.
type Entry struct {
	Manifest snapshot.Manifest `json:"manifest"`
	// Pending are the names of the stores that do not have it yet.
	Pending []string `json:"pending"`
}

// Open opens the spool in the folder of area. limit bounds the bytes of the waiting snapshots.
func Open(area *staging.Area, limit int64) *Spool { return &Spool{area: area, limit: limit} }

func (s *Spool) dataPath(id string) string   { return filepath.Join(s.area.Path(), id+".data") }
func (s *Spool) recordPath(id string) string { return filepath.Join(s.area.Path(), id+".json") }

// Add moves the sealed file, made by staging and already synced, into the spool, where it waits for the stores
// named. It gives back the entries that had to go for the limit's sake: the oldest, never the newest.
// The file is the caller's to close, not before Add returns: its lock keeps a sweep away.
func (s *Spool) Add(sealed *os.File, entry Entry) (dropped []Entry, err error) {
	id := entry.Manifest.ID
	if _, err := os.Stat(s.recordPath(id)); err == nil {
		return nil, fmt.Errorf("spool %s: %w", id, fs.ErrExist)
	}
	if err := os.Rename(sealed.Name(), s.dataPath(id)); err != nil {
		return nil, fmt.Errorf("spool %s: %w", id, err)
	}
	if err := s.record(entry); err != nil {
		return nil, errors.Join(err, os.Remove(s.dataPath(id)))
	}
	return s.shrink()
}

// shrink removes the oldest entries until the rest is within the limit. The newest always stays.
func (s *Spool) shrink() (dropped []Entry, err error) {
	entries, err := s.List()
	if err != nil {
		return nil, err
	}
	total := int64(0)
	for _, e := range entries {
		total += e.Manifest.Object.SizeBytes
	}
	for len(entries) > 1 && total > s.limit {
		oldest := entries[0]
		if err := s.remove(oldest.Manifest.ID); err != nil {
			return dropped, err
		}
		total -= oldest.Manifest.Object.SizeBytes
		dropped, entries = append(dropped, oldest), entries[1:]
	}
	return dropped, nil
}

// List gives the waiting entries, oldest first. It gives the others even when one cannot be read.
func (s *Spool) List() ([]Entry, error) { return Peek(s.area.Path()) }

// Peek is List of the spool in a folder, for those who only look: it makes no folder where there is none.
func Peek(folder string) ([]Entry, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var entries []Entry
	var unreadable error
	for _, name := range names {
		entry, err := readRecord(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // delivered since the folder was read
		case err != nil:
			unreadable = errors.Join(unreadable, err)
		default:
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.Manifest.TakenAt.Compare(b.Manifest.TakenAt), cmp.Compare(a.Manifest.Revision, b.Manifest.Revision))
	})
	return entries, unreadable
}

// Lock keeps other processes of this host from delivering until unlock is called. It waits for them until ctx
// ends.
func (s *Spool) Lock(ctx context.Context) (unlock func() error, err error) {
	file, err := os.OpenFile(filepath.Join(s.area.Path(), ".lock"), os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("spool: another process delivers: %w", context.Cause(ctx)), file.Close())
		case <-tick.C:
		}
	}
	return file.Close, nil
}

// Data opens the sealed bytes of an entry. fs.ErrNotExist: it is delivered, or gone.
func (s *Spool) Data(id string) (*os.File, error) {
	file, err := os.Open(s.dataPath(id))
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", id, err)
	}
	return file, nil
}

// Delivered notes that a store has the entry, and lets the entry go when it was the last. The caller holds the lock.
func (s *Spool) Delivered(id, store string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, err := readRecord(s.recordPath(id))
	if err != nil {
		return err
	}
	entry.Pending = slices.DeleteFunc(entry.Pending, func(name string) bool { return name == store })
	if len(entry.Pending) == 0 {
		return s.remove(id)
	}
	return s.record(entry)
}

// Waiting counts the entries that each store still lacks.
func Waiting(entries []Entry) map[string]int {
	count := map[string]int{}
	for _, e := range entries {
		for _, name := range e.Pending {
			count[name]++
		}
	}
	return count
}

// Sweep removes what a crash left: data without a record, whose maker is gone.
func (s *Spool) Sweep(ctx context.Context) (removed int, err error) {
	names, err := filepath.Glob(filepath.Join(s.area.Path(), "*.data"))
	if err != nil {
		return 0, fmt.Errorf("spool: %w", err)
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return removed, context.Cause(ctx)
		}
		id := strings.TrimSuffix(filepath.Base(name), ".data")
		if _, err := os.Stat(s.recordPath(id)); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		gone, err := staging.RemoveAbandoned(name)
		if err != nil {
			return removed, err
		}
		if gone {
			removed++
		}
	}
	rest, err := s.area.SweepPrefix(ctx, recordPrefix)
	return removed + rest, err
}

// remove lets an entry go: the record first.
func (s *Spool) remove(id string) error {
	if err := os.Remove(s.recordPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("spool %s: %w", id, err)
	}
	if err := staging.SyncFolder(s.area.Path()); err != nil {
		return err
	}
	if err := os.Remove(s.dataPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("spool %s: %w", id, err)
	}
	return nil
}

// recordPrefix begins the names of records in the making.
const recordPrefix = "record"

// record writes the record of an entry, whole or not at all.
func (s *Spool) record(entry Entry) error {
	body, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("spool %s: %w", entry.Manifest.ID, err)
	}
	file, err := s.area.Create(recordPrefix)
	if err != nil {
		return err
	}
	_, err = file.Write(body)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(file.Name(), s.recordPath(entry.Manifest.ID))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("spool %s: %w", entry.Manifest.ID, err), staging.Discard(file))
	}
	return errors.Join(file.Close(), staging.SyncFolder(s.area.Path()))
}

func readRecord(path string) (Entry, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return Entry{}, fmt.Errorf("spool: %w", err)
	}
	var entry Entry
	if err := json.Unmarshal(body, &entry); err != nil {
		return Entry{}, fmt.Errorf("spool %s: the record is damaged: %w", path, err)
	}
	return entry, nil
}
