package backup

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/version"
)

// hashLimit is the database size, in bytes, above which no live member is asked for its hash: the call holds up
// writers, about 0.8 ms for each MiB.
const hashLimit = 1 << 30

// hashTimeout bounds one HashKV call.
const hashTimeout = 30 * time.Second

// compareHash is level 3: it asks the followers for HashKV at the snapshot's revision and compares. decided is false when
// nothing follows from the answers: no follower answered, or the cluster was compacted in between.
func (s *Snapshotter) compareHash(ctx context.Context, survey etcd.Survey, c etcd.Candidate, facts snapshot.Facts) (check snapshot.Check, decided bool) {
	if c.Emergency || c.Member.DBSize > hashLimit {
		s.Log.Debug("hash not compared", "member", c.Member.Name, "db_size", c.Member.DBSize, "emergency", c.Emergency)
		return check, false
	}
	var equal, differ []string
	for _, m := range survey.Members {
		if m.Err != nil || m.Role != etcd.RoleFollower {
			continue
		}
		if old := oldTombstoneHash(m.Version); old {
			s.Log.Debug("hash not compared", "member", m.Name, "reason", "etcd "+m.Version+" hashes deletions at the compact revision differently")
			continue
		}
		live, err := s.Cluster.HashKV(ctx, m, facts.HashKV.Revision, hashTimeout)
		switch {
		case err != nil:
			s.Log.Debug("hash not compared", "member", m.Name, "error", err)
		case live.CompactRevision != facts.HashKV.CompactRevision:
			s.Log.Debug("hash not compared", "member", m.Name, "reason",
				fmt.Sprintf("it is compacted to %d, the snapshot to %d", live.CompactRevision, facts.HashKV.CompactRevision))
		case live.Hash == facts.HashKV.Hash:
			equal = append(equal, m.Name)
		default:
			differ = append(differ, m.Name)
		}
	}
	check.Name = snapshot.CheckHashKV
	switch {
	case len(differ) > 0:
		check.Detail = fmt.Sprintf("it differs from %s at revision %d, equal on %d: the members' data diverged", strings.Join(differ, ", "), facts.HashKV.Revision, len(equal))
		s.Log.Error("snapshot differs from live members", "member", c.Member.Name, "reason", check.Detail)
		return check, true
	case len(equal) > 0:
		check.OK = true
		check.Detail = fmt.Sprintf("equal on %d of %d members asked: %s", len(equal), len(equal), strings.Join(equal, ", "))
		return check, true
	}
	return check, false
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
