// Package retention judges which snapshots to keep.
//
// It does not know where snapshots are stored, or how one is removed. It reads no
// clock: the caller says what time it is.
//
// Its one invariant: a snapshot goes only when a newer one is proven.
package retention

import "time"

// Snapshot is what is known of one snapshot.
type Snapshot struct {
	ID string
	// TakenAt is by the clock of the host that took it. A snapshot without one is
	// kept and counts for nothing.
	TakenAt time.Time
	// Stored is by the store's clock; zero: unknown.
	Stored   time.Time
	Revision int64
	// Proven: every check that its manifest names has held.
	Proven bool
	// Emergency: it was taken from a member that had no quorum, and may lack
	// what the rest of the cluster wrote, or hold what it never agreed to.
	Emergency bool
}

// Policy is what is to be kept. A number below 0 counts as 0. The rules add up: a
// snapshot is kept when any of them keeps it.
type Policy struct {
	// KeepWithin keeps whatever is not older, counted back from the newest proven
	// snapshot (or from now, if that is earlier), so that nothing melts away while
	// none is taken. 0: no such rule.
	KeepWithin time.Duration
	// KeepLast keeps that many of the newest proven snapshots; below 1 it counts as 1.
	KeepLast int
	// KeepDaily, KeepWeekly and KeepMonthly keep the newest proven snapshot of each
	// of that many days, ISO weeks and months, counted over those that have one.
	KeepDaily, KeepWeekly, KeepMonthly int
	// Location is where days begin; nil: UTC.
	Location *time.Location
}

// Decision is what shall become of one snapshot.
type Decision struct {
	Snapshot
	Keep bool
	// Reasons are all the rules that keep it, or the one reason why it goes. Never
	// empty.
	Reasons []string
}

// Verdict is what shall become of all of them.
type Verdict struct {
	// Decisions are ordered by TakenAt, the oldest first, then by revision.
	Decisions []Decision
	// Held says why nothing may be removed now; "": what is not kept may go. While it
	// is set every decision is to keep.
	Held string
}
