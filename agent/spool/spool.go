// Package spool keeps verified, sealed snapshots on the local disk until every store has them. It
// knows manifests as the record that goes with the bytes, and store names as words; it talks to
// no store.
//
// Its one invariant: the record is written after the data and removed before it, and one process at a time
// changes entries, so that an entry that is listed is whole, whenever a process was killed.
package spool

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/atomicfile"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
)

// Spool is a folder of entries.
type Spool struct {
	area  *staging.Area
	limit int64
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
// named. It gives back the entries that had to go for the limit's sake: the oldest, never the newest. An entry whose
// record cannot be read is left alone, and is no error here; List tells of it.
// The file is the caller's to close, not before Add returns: its lock keeps a sweep away.
//
// fs.ErrExist: there is an entry of that ID. After an error the entry is not in the spool, unless it was the removal of an
// older one that failed.
func (s *Spool) Add(sealed *os.File, entry Entry) (dropped []Entry, err error) {
	if _, err := snapshot.ParseID(entry.Manifest.ID); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	err = s.exclusively(func() error {
		if err := s.add(sealed, entry); err != nil {
			return err
		}
		dropped, err = s.shrink()
		return err
	})
	return dropped, err
}

func (s *Spool) add(sealed *os.File, entry Entry) error {
	id := entry.Manifest.ID
	if _, err := os.Stat(s.recordPath(id)); err == nil {
		return fmt.Errorf("spool %s: %w", id, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("spool %s: %w", id, err)
	}
	if err := os.Rename(sealed.Name(), s.dataPath(id)); err != nil {
		return fmt.Errorf("spool %s: %w", id, err)
	}
	// Power may fail too, and then the order of two renames is the disk's choice.
	err := staging.SyncFolder(s.area.Path())
	if err == nil {
		err = s.record(entry)
	}
	if err != nil {
		return errors.Join(err, s.remove(id)) // the record may have come as far as its name
	}
	return nil
}

// shrink removes the oldest entries until the rest is within the limit. The newest always stays.
func (s *Spool) shrink() (dropped []Entry, err error) {
	// One record that cannot be read must not end all snapshots; whoever delivers reports it.
	entries, _ := s.List()
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
	entries, broken, err := read(folder)
	for _, id := range slices.Sorted(maps.Keys(broken)) {
		err = errors.Join(err, broken[id])
	}
	return entries, err
}

// read gives the entries of the spool in a folder, oldest first, and by ID those whose record cannot be read.
func read(folder string) (entries []Entry, broken map[string]error, err error) {
	files, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("spool: %w", err)
	}
	broken = map[string]error{}
	for _, file := range files {
		id, ok := strings.CutSuffix(file.Name(), ".json")
		if _, err := snapshot.ParseID(id); !ok || err != nil {
			continue
		}
		entry, err := readRecord(filepath.Join(folder, file.Name()), id)
		switch {
		case errors.Is(err, fs.ErrNotExist): // delivered since the folder was read
		case err != nil:
			broken[id] = err
		default:
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.Manifest.TakenAt.Compare(b.Manifest.TakenAt), cmp.Compare(a.Manifest.Revision, b.Manifest.Revision))
	})
	return entries, broken, nil
}

// Data opens the sealed bytes of an entry. fs.ErrNotExist: it is delivered, or gone.
func (s *Spool) Data(id string) (*os.File, error) {
	file, err := os.Open(s.dataPath(id))
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", id, err)
	}
	return file, nil
}

// Delivered notes that a store has the entry, and lets the entry go when it was the last. An entry that is gone, for the
// limit's sake perhaps, needs no note. The caller holds the lock of Lock.
func (s *Spool) Delivered(id, store string) error {
	return s.exclusively(func() error {
		entry, err := readRecord(s.recordPath(id), id)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		entry.Pending = slices.DeleteFunc(entry.Pending, func(name string) bool { return name == store })
		if len(entry.Pending) == 0 {
			return s.remove(id)
		}
		return s.record(entry)
	})
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
	// Data whose record is yet to come must not be taken for a leftover.
	err = s.exclusively(func() error {
		removed, err = s.sweepData(ctx)
		return err
	})
	if err != nil {
		return removed, err
	}
	records, err := atomicfile.Sweep(s.area.Path())
	if err != nil {
		return removed, fmt.Errorf("spool: %w", err)
	}
	rest, err := s.area.SweepPrefix(ctx, recordPrefix)
	return removed + records + rest, err
}

func (s *Spool) sweepData(ctx context.Context) (removed int, err error) {
	files, err := os.ReadDir(s.area.Path())
	if err != nil {
		return 0, fmt.Errorf("spool: %w", err)
	}
	for _, file := range files {
		if ctx.Err() != nil {
			return removed, context.Cause(ctx)
		}
		id, ok := strings.CutSuffix(file.Name(), ".data")
		if _, err := snapshot.ParseID(id); !ok || err != nil {
			continue
		}
		if _, err := os.Stat(s.recordPath(id)); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		gone, err := staging.RemoveAbandoned(s.dataPath(id))
		if err != nil {
			return removed, err
		}
		if gone {
			removed++
		}
	}
	return removed, nil
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

// recordPrefix begins the names of files in the making: of the lock and, in version 0.1.0, of records.
const recordPrefix = "record"

// record writes the record of an entry, whole or not at all.
func (s *Spool) record(entry Entry) error {
	body, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("spool %s: %w", entry.Manifest.ID, err)
	}
	if err := atomicfile.Write(s.recordPath(entry.Manifest.ID), body, atomicfile.Options{FolderOwner: true}); err != nil {
		return fmt.Errorf("spool %s: %w", entry.Manifest.ID, err)
	}
	return nil
}

// readRecord reads the record of the entry with this ID. An error that is not fs.ErrNotExist means that the record is of no
// use.
func readRecord(path, id string) (Entry, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return Entry{}, fmt.Errorf("spool: %w", err)
	}
	var entry Entry
	if err := json.Unmarshal(body, &entry); err != nil {
		return Entry{}, fmt.Errorf("spool %s: %w: the record is damaged: %w", path, ErrSpoilt, err)
	}
	if entry.Manifest.ID != id {
		return Entry{}, fmt.Errorf("spool %s: %w: the record is damaged: it is that of %.64q", path, ErrSpoilt, entry.Manifest.ID)
	}
	return entry, nil
}
