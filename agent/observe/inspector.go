// Package observe gathers everything that the status judges: the cluster, the stores, the jobs, and what waits in the spool. It only looks: the
// one thing that it writes is the record of what it saw proven.
package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/retention"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/stores"
)

// Inspector looks at one store for the newest proven snapshot, and for what is wrong there. It runs every few minutes, so it reads
// little: it lists the store, and reads manifests and proofs from the newest back, only as far as the first proven snapshot.
type Inspector struct {
	Store stores.Store
	// Live is the etcd cluster id, in hex, of the cluster that answers; "" if none does, and then cluster.json alone decides
	// what counts.
	Live string
}

// Inspection is what a look at one store found.
type Inspection struct {
	Snapshots int
	// Newest is the newest proven snapshot; nil if there is none.
	Newest *Provable
	// Compared is the newest snapshot that other members were compared with, and gave an answer; nil: none was found among the newest.
	Compared *snapshot.Manifest
	// Emergency is the newest emergency snapshot, if it is newer than Newest; nil if there is none.
	Emergency *snapshot.Manifest
	// Wrong says, in one line each, the gravest first, what keeps the store from being what it should be.
	Wrong []string
}

// Provable is a snapshot to which the cluster is proven to be restorable.
type Provable struct {
	Manifest snapshot.Manifest
	Level    int
	// At is the time from which its age counts: the time when it was taken or, if the clock of its host ran ahead, the
	// time when it was stored.
	At time.Time
	// Since is when it was proven to this level.
	Since time.Time
}

// Run looks at the store. An error means that the store could not be read, so that nothing is known about it.
func (i *Inspector) Run(ctx context.Context, now time.Time) (Inspection, error) {
	var out Inspection
	listing, err := i.Store.Catalog.List(ctx)
	if err != nil {
		return out, err
	}
	out.Snapshots = len(listing.Snapshots)
	whose := stores.Ownership{Live: i.Live, Known: true}
	if whose.IDs, err = i.Store.Catalog.ClusterIDs(ctx); errors.Is(err, catalog.ErrIdentity) {
		whose.Known = false
		out.Wrong = append(out.Wrong, "nothing can be stored or pruned: "+err.Error())
	} else if err != nil {
		return out, err
	}
	if whose.Foreign() {
		out.Wrong = append(out.Wrong, fmt.Sprintf("it holds the backups of another etcd cluster (%s), and the one that answers is %s: none of them counts, "+
			"and nothing is stored; after a restore, etcdward snapshot --accept-new-cluster", strings.Join(whose.IDs, ", "), whose.Live))
		return out, nil
	}
	if whose.Known && len(whose.IDs) == 0 && len(listing.Snapshots) > 0 {
		whose.Known = false
		out.Wrong = append(out.Wrong, "its cluster.json is gone, so that nothing says to which cluster the snapshots belong; the next snapshot writes it again")
	}
	if overwrites, err := i.Store.Catalog.Overwrites(ctx); err != nil {
		return out, err
	} else if overwrites {
		out.Wrong = append(out.Wrong, "it overwrites objects that exist, although it was asked not to: two hosts that store at once are kept apart by reading back, "+
			"and nothing protects the backups from being overwritten by others")
	}
	err = i.look(ctx, now, listing, whose, &out)
	return out, err
}

// look goes through the snapshots, the newest first.
func (i *Inspector) look(ctx context.Context, now time.Time, listing catalog.Listing, whose stores.Ownership, out *Inspection) error {
	all := slices.Concat(listing.Snapshots, listing.MissingData)
	slices.SortFunc(all, func(a, b catalog.Entry) int { return b.ID.Compare(a.ID) })
	var bad []string // one line for each snapshot
	missing, older := 0, 0
	for _, entry := range all {
		if len(entry.Data) == 0 {
			missing++
		} else if out.Newest != nil {
			// What is older is read back by chance, and judged by prune. The members may have been compared last with one of these.
			if older++; out.Compared == nil && older <= comparedLooks && len(out.Newest.Manifest.Inconclusive) > 0 {
				i.lookForComparison(ctx, entry, whose, out)
			}
			continue
		}
		c, err := i.candidate(ctx, entry, now, missing <= stores.Named)
		if errors.Is(err, catalog.ErrNotFound) {
			continue // removed since it was listed
		}
		if err != nil {
			return err
		}
		out.noteComparison(c.manifest, whose)
		out.noteEmergency(c, whose)
		level, why := c.judge(whose, now)
		if why != "" {
			bad = append(bad, fmt.Sprintf("snapshot %s %s", entry.ID, why))
		}
		if level == 0 || out.Newest != nil {
			continue
		}
		out.Newest = &Provable{Manifest: c.manifest, Level: level, At: c.manifest.TakenAt, Since: c.provenSince(level)}
		if c.ranAhead() {
			out.Newest.At = entry.Manifest.Stored
		}
	}
	out.Wrong = append(out.Wrong, shorten(bad)...)
	return nil
}

// comparedLooks is how many manifests older than the newest proven one are read for the last comparison of the members.
const comparedLooks = 3

// lookForComparison reads one manifest more. One that cannot be read has no say: nothing is claimed of it.
func (i *Inspector) lookForComparison(ctx context.Context, entry catalog.Entry, whose stores.Ownership, out *Inspection) {
	if m, err := i.Store.Catalog.Manifest(ctx, entry); err == nil {
		out.noteComparison(m, whose)
	}
}

// noteComparison notes the first manifest, of the cluster that answers, that says what other members held.
func (out *Inspection) noteComparison(m snapshot.Manifest, whose stores.Ownership) {
	compared := slices.ContainsFunc(m.Checks, func(c snapshot.Check) bool { return c.Name == snapshot.CheckHashKV })
	if out.Compared == nil && compared && whose.Allows(m.Cluster.ID) && whose.Counts(m.Cluster.ID) {
		out.Compared = &m
	}
}

// noteEmergency notes the first emergency snapshot of the cluster that answers, if nothing newer is proven.
func (out *Inspection) noteEmergency(c candidate, whose stores.Ownership) {
	m := c.manifest
	if out.Newest == nil && out.Emergency == nil && m.Emergency && c.entry.Intact(m) && whose.Allows(m.Cluster.ID) && whose.Counts(m.Cluster.ID) {
		out.Emergency = &m
	}
}

func shorten(bad []string) []string {
	if len(bad) <= stores.Named {
		return bad
	}
	return append(bad[:stores.Named:stores.Named], fmt.Sprintf("and %d more snapshots like these", len(bad)-stores.Named))
}

// candidate is what is known about one snapshot, to decide whether it counts.
type candidate struct {
	entry    catalog.Entry
	manifest snapshot.Manifest
	unread   error           // of the manifest; wraps snapshot.ErrDamaged
	proofs   []catalog.Proof // oldest first
	badProof error           // of a proof that could not be read; wraps snapshot.ErrDamaged
}

// candidate reads as much of a snapshot as is needed to judge it. If again is set, data that is not listed is looked for once more. The
// error wraps catalog.ErrNotFound if the snapshot is gone; any other error means that the store could not be read.
func (i *Inspector) candidate(ctx context.Context, entry catalog.Entry, now time.Time, again bool) (c candidate, err error) {
	c.entry = entry
	if len(entry.Data) == 0 && again {
		// If the listing was made while the snapshot was being stored, its pages may have missed the data.
		if c.entry, err = i.Store.Catalog.Find(ctx, entry.ID); err != nil {
			return c, err
		}
	}
	if len(c.entry.Data) == 0 || stores.YetToCome(c.entry.ID, now) {
		return c, nil
	}
	c.manifest, err = i.Store.Catalog.Manifest(ctx, c.entry)
	if errors.Is(err, snapshot.ErrDamaged) {
		c.unread = err
		return c, nil
	}
	if err != nil || !c.manifest.Proven() || c.manifest.Emergency {
		return c, err
	}
	c.proofs, err = i.Store.Catalog.Proofs(ctx, entry.ID)
	if errors.Is(err, snapshot.ErrDamaged) {
		c.badProof, err = err, nil
	}
	return c, err
}

// ranAhead reports whether the snapshot was stored before it was taken.
func (c candidate) ranAhead() bool {
	stored := c.entry.Manifest.Stored
	return !stored.IsZero() && stored.Before(c.entry.ID.TakenAt.Add(-retention.ClockSlack))
}

// judge returns the level to which a snapshot is proven, or 0 if it does not count, and what an operator has to know about it; "" if
// nothing. Emergency snapshots, and those of an earlier cluster id in the same store, do not count, although nothing is wrong with
// them.
func (c candidate) judge(whose stores.Ownership, now time.Time) (level int, why string) {
	m := c.manifest
	switch {
	case len(c.entry.Data) == 0:
		return 0, "has a manifest and no data: somebody removed it; remove " + c.entry.Manifest.Key + " too, unless the data comes back"
	case stores.YetToCome(c.entry.ID, now):
		return 0, "was taken at a time in the future: a clock is wrong, and nothing is pruned until the snapshot is removed or that time has come"
	case c.unread != nil:
		return 0, "does not count: " + c.unread.Error()
	case !whose.Allows(m.Cluster.ID):
		return 0, fmt.Sprintf("does not count: it is of etcd cluster %s", m.Cluster.ID)
	case m.Emergency, !whose.Counts(m.Cluster.ID):
		return 0, ""
	case !m.Proven():
		if failed, found := snapshot.FirstFailed(m.Checks); found {
			return 0, "is not proven: check " + failed.Name + ": " + failed.Detail
		}
		return 0, "is not proven: it was never checked"
	case !c.entry.Intact(m):
		return 0, fmt.Sprintf("does not count: its data does not have the %d bytes of its manifest", m.Object.SizeBytes)
	}
	checks := slices.Clone(m.Checks)
	for n, p := range c.proofs {
		switch {
		case p.Check.OK:
			checks = append(checks, p.Check)
		case newestOfKind(c.proofs, n): // as prune has it: the newest of each kind says what holds
			return 0, "is damaged: " + p.Check.Detail
		}
	}
	switch {
	case c.badProof != nil:
		why = "has a proof that cannot be read: " + c.badProof.Error()
	case c.ranAhead():
		why = fmt.Sprintf("was stored at %s, before it was taken: the clock of the host that took it, or of the store, is wrong",
			c.entry.Manifest.Stored.UTC().Format(time.RFC3339))
	}
	return snapshot.Level(checks), why
}

// provenSince returns when the snapshot was first proven to a level: by the first later proof that reaches it or, without one, when it was stored.
func (c candidate) provenSince(level int) time.Time {
	checks := slices.Clone(c.manifest.Checks)
	if snapshot.Level(checks) < level {
		for _, p := range c.proofs {
			if !p.Check.OK {
				continue
			}
			if checks = append(checks, p.Check); snapshot.Level(checks) >= level {
				return p.At
			}
		}
	}
	if stored := c.entry.Manifest.Stored; !stored.IsZero() {
		return stored
	}
	return c.manifest.TakenAt
}

// newestOfKind reports whether the proof at n, of proofs that are sorted by time, is the last of its kind.
func newestOfKind(proofs []catalog.Proof, n int) bool {
	return !slices.ContainsFunc(proofs[n+1:], func(p catalog.Proof) bool { return p.Check.Name == proofs[n].Check.Name })
}
