package bucket

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/snapshot"
)

// Manifest is that of a snapshot whose data nobody will unseal.
func Manifest(at time.Time, revision int64, content []byte) snapshot.Manifest {
	id := snapshot.NewID(at, revision)
	sum := sha256.Sum256(content)
	return snapshot.Manifest{
		Format: snapshot.Format, ID: id.String(), Cluster: snapshot.Cluster{Name: "test", ID: "c1"}, TakenAt: id.TakenAt, TookSeconds: 1,
		Member: snapshot.Member{Name: "m1", ID: "1", Role: "follower", Version: "3.6.16"},
		Facts:  snapshot.Facts{SizeBytes: 4096, SHA256: strings.Repeat("ab", 32), StatusHash: "1460fda0", Revision: id.Revision, CompactRevision: -1},
		Checks: []snapshot.Check{{Name: snapshot.CheckSHA256, OK: true}, {Name: snapshot.CheckPages, OK: true}},
		Object: snapshot.Stored{SizeBytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), Compression: "none", Encryption: "none"},
		Tool:   "test",
	}
}
