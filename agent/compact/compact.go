// Package compact gives up the history of the cluster that is older than the configuration wants to keep.
//
// Its one invariant: no younger history is given up, and if Kubernetes compacts by itself, all compaction is left to it.
package compact

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
)

// Cluster is the cluster as a Compactor needs it.
type Cluster interface {
	Revision(ctx context.Context) (clusterID uint64, revision int64, err error)
	History(ctx context.Context) (etcd.History, error)
	Compact(ctx context.Context, revision int64) (already bool, err error)
}

// Compactor gives up the history that is older than Keep. To know which revision is that old, it notes the newest
// revision from time to time: Note must be called at shorter intervals than Keep. Its methods may be called from
// several goroutines.
type Compactor struct {
	Cluster Cluster
	// Keep is how much history stays. Only if it is 0, nothing stays, and the compaction goes to the newest
	// revision.
	Keep time.Duration
	// Path is the file of the notes, so that they survive a restart.
	Path string
	Log  *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu    sync.Mutex
	notes revisions
	read  bool
	last  time.Time // of the last note of this process, with its monotonic reading
}

// Compaction is what a Compactor would do, or did.
type Compaction struct {
	// From is the oldest revision that could be read before, To the oldest that can be read afterwards. They are equal
	// if there is nothing to do. From is 0 if the cluster was never compacted.
	From, To int64
	// Revisions is how many revisions were given up, or would be.
	Revisions int64
	// Reason says why there is nothing to do, or why To was chosen.
	Reason string
}

// Needed reports whether there is something to compact.
func (c Compaction) Needed() bool { return c.To > c.From }

// NoteEvery is how often a daemon should note the revision. It is better to keep the history a little longer than asked than to
// write many notes.
func NoteEvery(keep time.Duration) time.Duration {
	return max(15*time.Second, min(keep/4, 5*time.Minute))
}

// Note notes the newest revision. An error means that this note is missing or will be lost when the process ends. Then
// compaction keeps more history than it has to.
func (c *Compactor) Note(ctx context.Context) error {
	id, revision, err := c.Cluster.Revision(ctx)
	if err != nil {
		return fmt.Errorf("note revision: %w", err)
	}
	return c.note(id, revision)
}

// note is Note for a revision that was just read.
func (c *Compactor) note(clusterID uint64, revision int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.load()
	if !c.last.IsZero() && clockJumped(now.Round(0).Sub(c.last.Round(0)), now.Sub(c.last), c.Keep) {
		c.Log.Warn("clock jumped, starting again without noted revisions", "notes", len(c.notes.Notes))
		c.notes = revisions{}
	}
	c.last = now
	c.notes = c.notes.with(clusterID, revisionNote{now.UTC().Round(0), revision}, c.Keep)
	if err := saveNotes(c.Path, c.notes); err != nil {
		return fmt.Errorf("note revision: %w", err)
	}
	return nil
}

// load reads the notes of an earlier process, once. If they cannot be read, the compactor starts without
// notes.
func (c *Compactor) load() {
	if c.read {
		return
	}
	c.read = true
	var notes revisions
	found, err := loadNotes(c.Path, &notes)
	if err != nil {
		c.Log.Warn("noted revisions cannot be read, starting without them", "error", err)
	}
	if found && err == nil {
		c.notes = notes
	}
}

func (c *Compactor) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// Plan looks at the cluster and decides; it notes the revision, and changes nothing in the cluster.
func (c *Compactor) Plan(ctx context.Context) (Compaction, error) {
	h, err := c.Cluster.History(ctx)
	if err != nil {
		return Compaction{}, fmt.Errorf("plan compaction: %w", err)
	}
	noteErr := c.note(h.ClusterID, h.Revision)
	c.mu.Lock()
	defer c.mu.Unlock()
	return decideCompaction(h, c.notes, c.now(), c.Keep), noteErr
}

// decideCompaction chooses the revision. If Kubernetes' own compactor acted since then, all compaction is left to it: if we
// compacted ahead of it, it would fail, and the watches of its clients would break.
func decideCompaction(h etcd.History, notes revisions, now time.Time, keep time.Duration) Compaction {
	none := func(format string, args ...any) Compaction {
		return Compaction{From: h.Compacted, To: h.Compacted, Reason: fmt.Sprintf(format, args...)}
	}
	to, reason := h.Revision, "the newest revision, since no history is to be kept"
	if keep > 0 {
		then, noted := notes.at(now.Add(-keep))
		switch {
		case !noted && len(notes.Notes) == 0:
			return none("no revision was noted yet")
		case !noted:
			return none("no revision was noted as long as %s ago: the first note is %s old", keep, now.Sub(notes.Notes[0].At).Round(time.Second))
		}
		to, reason = then, fmt.Sprintf("the newest revision of %s ago", keep)
	}
	switch {
	case to <= h.Compacted && h.APIServer >= h.Compacted:
		return none("the API server compacts by itself: it did so to revision %d", h.APIServer)
	case to <= h.Compacted:
		return none("it is compacted to revision %d already, by etcd's auto-compaction or another client", h.Compacted)
	case keep > 0 && h.APIServerAt > to:
		return none("the API server compacts by itself, the last time less than %s ago", keep)
	}
	return Compaction{From: h.Compacted, To: to, Revisions: to - max(h.Compacted, 1), Reason: reason}
}

// Run compacts if there is something to give up. It is not an error if somebody else compacted meanwhile.
func (c *Compactor) Run(ctx context.Context) (Compaction, error) {
	plan, err := c.Plan(ctx)
	if err != nil && plan.Reason == "" {
		return plan, err
	}
	if err != nil {
		c.Log.Warn("noted revisions will be lost at a restart", "error", err)
	}
	if !plan.Needed() {
		c.Log.Info("nothing to compact", "compacted", plan.From, "reason", plan.Reason)
		return plan, nil
	}
	already, err := c.Cluster.Compact(ctx, plan.To)
	switch {
	case err != nil:
		return plan, err
	case already:
		plan = Compaction{From: plan.From, To: plan.From, Reason: "another client compacted it meanwhile"}
		c.Log.Info("nothing to compact", "compacted", plan.From, "reason", plan.Reason)
	default:
		c.Log.Info("history compacted", "from", plan.From, "to", plan.To, "revisions", plan.Revisions)
	}
	return plan, nil
}

// Watch notes the revision at intervals until ctx ends. It logs the first error of a series only.
func (c *Compactor) Watch(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var failing bool
	for {
		err := c.Note(ctx)
		if err != nil && !failing && !errors.Is(err, context.Canceled) {
			c.Log.Warn("revision not noted", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Dated reports whether the compactor knows which history is old enough to be given up.
func (c *Compactor) Dated() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load()
	_, noted := c.notes.at(c.now().Add(-c.Keep))
	return noted || c.Keep == 0
}
