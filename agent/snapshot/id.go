package snapshot

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// ID names one snapshot by the time when it was taken, in whole seconds of UTC, and the revision that it
// holds. It is written 20261122T100000Z-120001.
//
// IDs are compared by time and then by revision as a number, never as text: 9 comes
// before 10.
type ID struct {
	TakenAt  time.Time
	Revision int64
}

// idLayout is the time of an ID as time.Format knows it.
const idLayout = "20060102T150405Z"

// idForm limits what ParseID reads, so that a key made by somebody else cannot contain a sign, a space or a
// number that is too large.
var idForm = regexp.MustCompile(`^([0-9]{8}T[0-9]{6}Z)-(0|[1-9][0-9]{0,18})$`)

// NewID returns the ID of a snapshot taken at t, cut to the second.
func NewID(t time.Time, revision int64) ID {
	return ID{TakenAt: t.UTC().Truncate(time.Second), Revision: revision}
}

// ParseID reads what ID.String writes, and nothing else. An error means that the text is not the ID of a
// snapshot.
func ParseID(s string) (ID, error) {
	parts := idForm.FindStringSubmatch(s)
	if parts == nil {
		return ID{}, fmt.Errorf("snapshot id %.64q: not of the form 20261122T100000Z-120001", s)
	}
	at, err := time.Parse(idLayout, parts[1])
	if err != nil {
		return ID{}, fmt.Errorf("snapshot id %q: no such time: %w", s, err)
	}
	revision, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return ID{}, fmt.Errorf("snapshot id %q: revision out of range: %w", s, err)
	}
	return ID{TakenAt: at, Revision: revision}, nil
}

// String is the form that keys and the command line use.
func (id ID) String() string {
	return id.TakenAt.UTC().Format(idLayout) + "-" + strconv.FormatInt(id.Revision, 10)
}

// Compare orders by time, then by revision: negative when id is the older one.
func (id ID) Compare(other ID) int {
	if c := id.TakenAt.Compare(other.TakenAt); c != 0 {
		return c
	}
	switch {
	case id.Revision < other.Revision:
		return -1
	case id.Revision > other.Revision:
		return 1
	}
	return 0
}
