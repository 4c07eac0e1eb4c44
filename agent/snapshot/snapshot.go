// Package snapshot answers what a snapshot file is: its name, its manifest, whether it is sound, and its
// hashes. It knows neither clusters nor stores.
//
// Its one invariant: no parser touches a file before the file's own SHA-256 trailer has been verified, and
// the parser runs in a child process. On some damage bbolt panics in its own goroutines or faults on a mapped
// page, and nothing can recover from either.
package snapshot

import "fmt"

// The names of the checks, in the order of the levels of proof. Check.Name holds one of them.
const (
	CheckSHA256   = "sha256"    // level 1: the trailer holds
	CheckPages    = "pages"     // level 2: pages, buckets, revisions and counts hold
	CheckHashKV   = "hash_kv"   // level 3: equal to the live members'
	CheckReadBack = "read_back" // level 4: the stored object gives the same bytes
	CheckDrill    = "drill"     // level 5: an etcd booted on it
)

// levels maps the name of a check to its level of proof.
var levels = map[string]int{
	CheckSHA256: 1, CheckPages: 2, CheckHashKV: 3, CheckReadBack: 4, CheckDrill: 5,
}

// LevelOf is the level of proof of a check that held, by its name; 0: it is none.
func LevelOf(check string) int { return levels[check] }

// Check is the outcome of one check. A check that could not be decided is left out, not recorded as failed.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Open is a check that was tried and could not be decided, and why. It proves nothing, and nothing is wrong because of it. It stands beside
// the checks and not among them: every version of etcdward counts a check that did not fail towards the level of proof.
type Open struct {
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

// OddMember is a member of the cluster whose data are not those of the majority.
type OddMember struct {
	Name   string `json:"name"`
	ID     string `json:"id"` // hex
	Detail string `json:"detail"`
}

// Level is the highest level of proof among checks, 1 to 5; 0 when one of them failed or
// the file itself was never checked (levels 1 and 2 missing).
func Level(checks []Check) int {
	highest := 0
	seen := map[int]bool{}
	for _, c := range checks {
		if !c.OK {
			return 0
		}
		level := levels[c.Name]
		seen[level] = true
		highest = max(highest, level)
	}
	if !seen[1] || !seen[2] {
		return 0
	}
	return highest
}

// Facts are what a sound snapshot file tells about itself.
type Facts struct {
	// SizeBytes of the file, trailer included.
	SizeBytes int64 `json:"size_bytes"`
	// SHA256 of the file, trailer included, in hex.
	SHA256 string `json:"sha256"`
	// StatusHash as `etcdutl snapshot status` prints it, eight hex digits.
	StatusHash string `json:"status_hash"`
	// Revision is the newest in the file; 0 if no key was ever written.
	Revision int64 `json:"revision"`
	// CompactRevision is that of the last compaction, begun or finished; -1 if there was none.
	CompactRevision int64 `json:"compact_revision"`
	// TotalKeys as `etcdutl snapshot status` of the server's minor version counts: live
	// keys since 3.6, all entries of all buckets before.
	TotalKeys int64 `json:"total_keys"`
	// StorageVersion is the schema's, "3.6.0"; "" before etcd 3.6.
	StorageVersion string `json:"storage_version"`
	// HashKV is the hash that a live member would answer for the same revisions.
	HashKV HashKV `json:"hash_kv"`
}

// Origin is what a sound snapshot file tells about the cluster that it came from, beside the Facts, which identify
// it.
type Origin struct {
	// ClusterVersion is the version that the members had agreed on, such as "3.6.0". Unlike StorageVersion it
	// is also in a file of 3.5, and in a file from the first seconds of a 3.6. It is "" if there is none or
	// if etcd would not write it in that form.
	ClusterVersion string `json:"cluster_version"`
	// Alarms are the raised alarms, "NOSPACE" and "CORRUPT". A cluster that is restored from the file has them too, and
	// accepts no writes.
	Alarms []string `json:"alarms"`
	// Downgrade is the version that a downgrade under way leads to; "": none is.
	Downgrade string `json:"downgrade"`
	// AuthEnabled: clients need a user of that cluster.
	AuthEnabled bool `json:"auth_enabled"`
	// Members on record, by name. The file may be anybody's: names and URLs are not checked.
	Members []OriginMember `json:"members"`
}

// HashKV is the hash over the key space that etcd's HashKV call computes. Two
// are comparable only at the same revision and compact revision.
type HashKV struct {
	Hash            uint32 `json:"hash"`
	Revision        int64  `json:"revision"`
	CompactRevision int64  `json:"compact_revision"`
}

// FirstFailed returns the first check that failed; false if all of them held.
func FirstFailed(checks []Check) (failed Check, found bool) {
	for _, c := range checks {
		if !c.OK {
			return c, true
		}
	}
	return Check{}, false
}

// Err returns nil for a check that held. For a failed one the error wraps ErrDamaged and gives the detail.
func (c Check) Err() error {
	if c.OK {
		return nil
	}
	return fmt.Errorf("check %s: %w: %s", c.Name, ErrDamaged, c.Detail)
}
