package backup

import (
	"context"
	"fmt"
	"time"

	"github.com/etcdward/etcdward/agent/ballot"
	"github.com/etcdward/etcdward/agent/cancellation"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/version"
)

// sameAsSnapshot is the ballot.Vote.Data of a member that holds what the snapshot holds.
const sameAsSnapshot = "the snapshot"

// poll asks members for HashKV at the revision of one snapshot.
type poll struct {
	*Snapshotter
	source string // name of the member that the snapshot is of
	facts  snapshot.Facts
	path   string // of the plain file

	asked  map[uint64]bool // by ID
	votes  []ballot.Vote
	silent []string // who could not tell, and why

	hashes map[int64]uint32 // of the file, by compact revision
	slowest
}

// ask asks one member, and notes its vote or why it has none.
func (p *poll) ask(ctx context.Context, m etcd.Member) {
	if p.asked == nil {
		p.asked = map[uint64]bool{}
	}
	p.asked[m.ID] = true
	data, why := p.vote(ctx, m)
	if why != "" {
		p.silent = append(p.silent, m.Name+": "+why)
		return
	}
	p.votes = append(p.votes, ballot.Vote{Member: m.Name, Data: data})
}

// behind is how often a member is asked again that has yet to carry out a compaction which the snapshot has, and behindPause the time between.
const (
	behind      = 5
	behindPause = 300 * time.Millisecond
)

// vote is what a member holds; why: it could not tell.
func (p *poll) vote(ctx context.Context, m etcd.Member) (data, why string) {
	switch {
	case m.Role == etcd.RoleUnstarted:
		return "", "it was added to the cluster and never started"
	case m.Err != nil:
		return "", "it did not answer"
	case oldTombstoneHash(m.Version):
		return "", "etcd " + m.Version + " hashes deletions at the compact revision differently"
	}
	if why := p.tooSlow(m); why != "" {
		return "", why
	}
	live, err := p.hash(ctx, m, p.facts.HashKV.Revision)
	for try := 1; err == nil && live.CompactRevision < p.facts.HashKV.CompactRevision && try < behind; try++ {
		// It answers from memory, which its newest revision does not: the snapshot's, if nothing was written since. Or it is a little behind.
		head, herr := p.hash(ctx, m, 0)
		if herr == nil && head.Revision == p.facts.HashKV.Revision && head.CompactRevision >= p.facts.HashKV.CompactRevision {
			live = head
			break
		}
		if err = cancellation.Wait(ctx, behindPause); err == nil {
			live, err = p.hash(ctx, m, p.facts.HashKV.Revision)
		}
	}
	switch {
	case etcd.IsCompacted(err):
		return "", "it was compacted beyond the snapshot"
	case etcd.Hangs(err):
		return "", "it did not answer in time, as while it is defragmented"
	case err != nil:
		p.Log.Debug("hash not compared", "member", m.Name, "error", err)
		return "", "it did not answer"
	}
	return p.compare(ctx, live)
}

// compare holds an answer to the file. A member that was compacted since the snapshot was taken is compared with what the file would
// be after the same compaction.
func (p *poll) compare(ctx context.Context, live etcd.Hash) (data, why string) {
	own, known := p.hashes[live.CompactRevision]
	switch {
	case known:
	case live.CompactRevision == p.facts.HashKV.CompactRevision:
		own = p.facts.HashKV.Hash
	case live.CompactRevision < p.facts.HashKV.CompactRevision:
		return "", fmt.Sprintf("it is compacted to %s, and the snapshot to %d", compactedTo(live.CompactRevision), p.facts.HashKV.CompactRevision)
	case live.CompactRevision > p.facts.HashKV.Revision:
		return "", "it was compacted beyond the snapshot"
	default:
		again, err := snapshot.Rehash(ctx, p.path, live.CompactRevision)
		if err != nil {
			p.Log.Warn("hash not compared", "error", err)
			return "", "it was compacted since, and the snapshot could not be hashed again"
		}
		own = again.Hash
	}
	if p.hashes == nil {
		p.hashes = map[int64]uint32{}
	}
	p.hashes[live.CompactRevision] = own
	if live.Hash == own {
		return sameAsSnapshot, ""
	}
	// Members that differ from the snapshot in the same way may have been asked before and after a compaction: only those with the same one
	// are known to hold the same.
	return fmt.Sprintf("%08x, compacted to %s", live.Hash, compactedTo(live.CompactRevision)), ""
}

// compactedTo is a compact revision for people.
func compactedTo(revision int64) string {
	if revision < 0 {
		return "nothing (never compacted)"
	}
	return fmt.Sprint(revision)
}

// differ reports whether a member holds other data than the snapshot.
func (p *poll) differ() bool {
	for _, v := range p.votes {
		if v.Data != sameAsSnapshot {
			return true
		}
	}
	return false
}

// oldTombstoneHash reports whether a server is older than 3.4.34 or 3.5.16, which hash a deletion at the compact
// revision that newer ones leave out (etcd's CHANGELOG of these versions).
func oldTombstoneHash(text string) bool {
	v, err := version.Parse(text)
	if err != nil {
		return true
	}
	return v.Major == 3 && (v.Older(version.Version{Major: 3, Minor: 4, Patch: 34}) || v.Minor == 5 && v.Patch < 16)
}
