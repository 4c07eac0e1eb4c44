package compact

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/atomicfile"
)

// revisions is what was noted of a cluster's revision over time, the oldest note first.
type revisions struct {
	Format    int            `json:"format"`
	ClusterID uint64         `json:"cluster_id"`
	Notes     []revisionNote `json:"notes"`
}

// revisionNote: every write after At has a revision above Revision.
type revisionNote struct {
	At       time.Time `json:"at"` // UTC
	Revision int64     `json:"revision"`
}

const (
	revisionsFormat = 1
	// mostNotes bounds the notes: what lies between them is at most this part of `keep`.
	mostNotes = 256
)

// with adds a note, and forgets those that no compaction to `keep` ago needs any more.
//
// It starts anew where the past cannot be believed: the notes are another cluster's, or the revision went back, as after
// a restore.
func (r revisions) with(clusterID uint64, n revisionNote, keep time.Duration) revisions {
	last := len(r.Notes) - 1
	if r.Format != revisionsFormat || r.ClusterID != clusterID || last >= 0 && r.Notes[last].Revision > n.Revision {
		r = revisions{Format: revisionsFormat, ClusterID: clusterID}
	}
	notes := make([]revisionNote, 0, len(r.Notes)+1)
	for _, old := range r.Notes {
		// The clock went back: when these were made is not known any more.
		if old.At.Before(n.At) {
			notes = append(notes, old)
		}
	}
	notes = append(notes, n)
	// Of the notes that are old enough only the youngest is of use.
	for len(notes) > 1 && !notes[1].At.After(n.At.Add(-keep)) {
		notes = notes[1:]
	}
	// A note close before another adds little. The newest two stay: the last may be replaced by the next.
	gap := keep / mostNotes
	for i := len(notes) - 2; i > 0; i-- {
		if notes[i].At.Sub(notes[i-1].At) < gap {
			notes = slices.Delete(notes, i, i+1)
		}
	}
	if extra := len(notes) - 2*mostNotes; extra > 0 {
		notes = notes[extra:]
	}
	r.Notes = notes
	return r
}

// at is the newest revision that was noted at a time or before; false: nothing was.
func (r revisions) at(t time.Time) (int64, bool) {
	for _, n := range slices.Backward(r.Notes) {
		if !n.At.After(t) {
			return n.Revision, true
		}
	}
	return 0, false
}

// clockJumped reports whether the wall clock moved otherwise than time passed: by more than a tenth of keep, or a second where
// that is more.
func clockJumped(wall, passed, keep time.Duration) bool {
	return (wall - passed).Abs() > max(keep/10, time.Second)
}

// maxNotesFile is the most that is read of a file with notes, in bytes; ours are far smaller.
const maxNotesFile = 1 << 20

// loadNotes reads notes from a file of the state directory; false: there is none yet.
func loadNotes(path string, v *revisions) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxNotesFile+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return false, err
	}
	if len(text) > maxNotesFile {
		return false, fmt.Errorf("decode %s: larger than %d bytes", path, maxNotesFile)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, fmt.Errorf("decode %s: %w", path, err)
	}
	return true, nil
}

// saveNotes replaces the file. Two processes may do so at once, the daemon and a verb: the last one wins.
func saveNotes(path string, v revisions) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return atomicfile.Write(path, append(text, '\n'), atomicfile.Options{FolderOwner: true})
}
