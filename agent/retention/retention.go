// Package retention judges which snapshots to keep.
//
// It does not know where snapshots are stored or how one is removed. It reads no clock: the caller passes the
// time.
//
// Its one invariant: a snapshot is removed only if a newer one is proven.
package retention

import "time"

// Snapshot is what is known of one snapshot.
type Snapshot struct {
	ID string
	// TakenAt is by the clock of the host that took it. A snapshot without this time is kept and no rule
	// counts it.
	TakenAt time.Time
	// Stored is by the clock of the store; zero means unknown.
	Stored   time.Time
	Revision int64
	// Proven means that every check that its manifest names has held.
	Proven bool
	// Level of proof, 1 to 5; 0 means unknown.
	Level int
	// Emergency means that it was taken from a member without quorum. It may lack what the rest of the
	// cluster wrote, or hold what the cluster never agreed to.
	Emergency bool
}

// Policy says which snapshots to keep. A number below 0 counts as 0. The rules add up: a snapshot is kept if
// any of them keeps it.
type Policy struct {
	// KeepWithin keeps every snapshot that is not older. The age counts back from the newest proven snapshot
	// (or from now, if that is earlier), so that the snapshots do not all expire while no new one is taken. 0
	// means no such rule.
	KeepWithin time.Duration
	// KeepLast keeps that many of the newest proven snapshots; a number below 1 counts as 1.
	KeepLast int
	// KeepDaily, KeepWeekly and KeepMonthly keep the newest proven snapshot of each
	// of that many days, ISO weeks and months, counted over those that have one.
	KeepDaily, KeepWeekly, KeepMonthly int
	// Location is where days begin; nil: UTC.
	Location *time.Location
}

// Decision reports whether one snapshot stays, and why.
type Decision struct {
	Snapshot
	Keep bool
	// Reasons are all the rules that keep it, or the one reason to remove it. It is never empty.
	Reasons []string
}

// Verdict holds the decisions on all snapshots.
type Verdict struct {
	// Decisions are ordered by TakenAt, the oldest first, then by revision.
	Decisions []Decision
	// Held says why nothing may be removed now; "" means that what is not kept may be removed. While it is
	// set, every decision is to keep.
	Held string
}
