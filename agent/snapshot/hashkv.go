package snapshot

import (
	"hash/crc32"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/proto"
)

// hashKV computes, read-only, what etcd's HashKV answers for the newest revision of the file:
// CRC-32C over the name of the key bucket and the entries that a compaction would keep at that
// revision (mvcc/hash.go). `etcdutl hashkv` is no help: it writes to the file, and
// panics on keys with leases.
func hashKV(key *bolt.Bucket, found rows, compact int64) (HashKV, error) {
	at := max(found.last.main, compact, 1)
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	sum.Write(bucketKey)
	err := key.ForEach(func(k, v []byte) error {
		rev, err := parseRevision(k)
		if err != nil {
			return err
		}
		if rev.main <= compact && found.live > 0 {
			var kv mvccpb.KeyValue
			if err := proto.Unmarshal(v, &kv); err != nil {
				return err
			}
			if rev.tombstone || found.latest[string(kv.Key)] != rev {
				return nil
			}
		}
		if rev.main == compact && rev.tombstone {
			return nil
		}
		sum.Write(k)
		sum.Write(v)
		return nil
	})
	return HashKV{Hash: sum.Sum32(), Revision: at, CompactRevision: compact}, err
}
