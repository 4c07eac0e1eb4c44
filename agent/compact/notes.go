package compact

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

// revisionNote states that every write after At has a revision above Revision.
type revisionNote struct {
	At       time.Time `json:"at"` // UTC
	Revision int64     `json:"revision"`
}

const (
	revisionsFormat = 1
	// mostNotes limits the number of notes. Two neighbours are at most this fraction of `keep` apart.
	mostNotes = 256
)

// with adds a note, and forgets those that compaction no longer needs.
//
// It starts again from nothing if the old notes cannot be trusted, because they are of another cluster or the revision
// went back, as after a restore.
func (r revisions) with(clusterID uint64, n revisionNote, keep time.Duration) revisions {
	last := len(r.Notes) - 1
	if r.Format != revisionsFormat || r.ClusterID != clusterID || last >= 0 && r.Notes[last].Revision > n.Revision {
		r = revisions{Format: revisionsFormat, ClusterID: clusterID}
	}
	notes := make([]revisionNote, 0, len(r.Notes)+1)
	for _, old := range r.Notes {
		// The clock went back, so that the times of the old notes mean nothing now.
		if old.At.Before(n.At) {
			notes = append(notes, old)
		}
	}
	notes = append(notes, n)
	// Of the notes that are old enough, only the youngest is useful.
	for len(notes) > 1 && !notes[1].At.After(n.At.Add(-keep)) {
		notes = notes[1:]
	}
	// A note that is close to the next one adds little, so it is dropped. The newest two stay, since the next
	// note may replace the last.
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

// at returns the newest revision that was noted at or before a time; false if there is none.
func (r revisions) at(t time.Time) (int64, bool) {
	for _, n := range slices.Backward(r.Notes) {
		if !n.At.After(t) {
			return n.Revision, true
		}
	}
	return 0, false
}

// clockJumped reports whether the wall clock differs from the time that has passed by more than a tenth of keep, and by more
// than a second.
func clockJumped(wall, passed, keep time.Duration) bool {
	return (wall - passed).Abs() > max(keep/10, time.Second)
}

// maxNotesFile is how many bytes of a file with notes are read at most; our files are far smaller.
const maxNotesFile = 1 << 20

// loadNotes reads the notes from a file of the state directory; false if there is none yet.
func loadNotes(path string, v *revisions) (bool, error) {
	text, err := atomicfile.Read(path, maxNotesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, fmt.Errorf("decode %s: %w", path, err)
	}
	return true, nil
}

// saveNotes replaces the file. If the daemon and a verb do so at once, the last one wins.
func saveNotes(path string, v revisions) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return atomicfile.Write(path, append(text, '\n'), atomicfile.Options{FolderOwner: true})
}
