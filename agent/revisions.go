package agent

import (
	"slices"
	"time"
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

// clockJumped says whether the wall clock moved otherwise than time passed: by more than a tenth of keep, or a second where
// that is more.
func clockJumped(wall, passed, keep time.Duration) bool {
	return (wall - passed).Abs() > max(keep/10, time.Second)
}
