package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// TestFixture compares the numbers with those of etcdutl and etcdctl, see testdata/README.md.
func TestFixture(t *testing.T) {
	sum := sha256.Sum256(fixture())
	want := Facts{
		SizeBytes: 1257504, SHA256: hex.EncodeToString(sum[:]), StatusHash: "2c5df706", Revision: 708, CompactRevision: -1,
		TotalKeys: 595, StorageVersion: "3.6.0", HashKV: HashKV{Hash: 1576616161, Revision: 708, CompactRevision: -1},
	}
	path := write(t, fixture())
	for _, minor := range []int{0, 6, 7} {
		e := examine(t, path, minor)
		if !e.OK() || Level(e.Checks) != 2 || e.Facts != want {
			t.Errorf("Examine for 3.%d: got %+v, level %d, want %+v", minor, e.Facts, Level(e.Checks), want)
		}
	}
	// Before 3.6 all entries of all buckets were counted.
	if e := examine(t, path, 5); e.Facts.TotalKeys <= want.TotalKeys {
		t.Errorf("Examine for 3.5: got %d keys in total, want more than the %d that live", e.Facts.TotalKeys, want.TotalKeys)
	}
	found, err := inspect(path, 6, asItIs)
	if err != nil || found.Facts.HashKV != want.HashKV || found.Origin.ClusterVersion != "3.6.0" {
		t.Errorf("inspect: got %+v, error %v", found, err)
	}
}
