package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/proto"
)

// revision is the key of an entry in the key bucket: the revision of the transaction, the entry's place in
// it, and whether the entry marks a deletion.
type revision struct {
	main, sub int64
	tombstone bool
}

// after reports whether r is later than the other revision.
func (r revision) after(o revision) bool {
	return r.main > o.main || r.main == o.main && r.sub > o.sub
}

// parseRevision reads the key of an entry: 8 bytes main, '_', 8 bytes sub, and 't' for a
// deletion (mvcc/revision.go).
func parseRevision(b []byte) (revision, error) {
	const plain, marked = 17, 18
	if len(b) != plain && len(b) != marked || b[8] != '_' || len(b) == marked && b[17] != 't' {
		return revision{}, fmt.Errorf("%x is no revision", b)
	}
	r := revision{
		main:      int64(binary.BigEndian.Uint64(b[:8])),
		sub:       int64(binary.BigEndian.Uint64(b[9:17])),
		tombstone: len(b) == marked,
	}
	if r.main < 0 || r.sub < 0 {
		return revision{}, fmt.Errorf("%x is a negative revision", b)
	}
	return r, nil
}

// rows is what one pass over all buckets finds.
type rows struct {
	hash   uint32              // over every name, key and value, as `etcdutl snapshot status` computes it
	total  int64               // entries of all buckets
	last   revision            // of the newest entry in the key bucket
	live   int64               // keys that exist
	latest map[string]revision // of each key ever seen, deleted ones too
}

// scanRows reads every bucket in the order of the file, and checks each entry of the key bucket against what
// etcd writes.
func scanRows(tx *bolt.Tx) (rows, error) {
	found := rows{latest: make(map[string]revision)}
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	err := tx.ForEach(func(name []byte, b *bolt.Bucket) error {
		sum.Write(name)
		isKey := bytes.Equal(name, bucketKey)
		err := b.ForEach(func(k, v []byte) error {
			found.total++
			sum.Write(k)
			sum.Write(v)
			if !isKey {
				return nil
			}
			return found.entry(k, v)
		})
		if err != nil {
			return fmt.Errorf("bucket %q: %w", name, err)
		}
		return nil
	})
	for _, r := range found.latest {
		if !r.tombstone {
			found.live++
		}
	}
	found.hash = sum.Sum32()
	return found, err
}

// entry takes one entry of the key bucket.
func (f *rows) entry(k, v []byte) error {
	rev, err := parseRevision(k)
	if err != nil {
		return err
	}
	if !rev.after(f.last) && len(f.latest) > 0 {
		return fmt.Errorf("revision %d/%d follows %d/%d", rev.main, rev.sub, f.last.main, f.last.sub)
	}
	var kv mvccpb.KeyValue
	if err := proto.Unmarshal(v, &kv); err != nil {
		return fmt.Errorf("revision %d/%d: %w", rev.main, rev.sub, err)
	}
	if err := plausible(rev, v, &kv); err != nil {
		return fmt.Errorf("revision %d/%d: %w", rev.main, rev.sub, err)
	}
	f.last = rev
	f.latest[string(kv.Key)] = rev
	return nil
}

// plausible checks an entry against what a put or a deletion writes.
func plausible(rev revision, value []byte, kv *mvccpb.KeyValue) error {
	switch {
	case len(value) == 0 && rev.sub == 0 && !rev.tombstone:
		return nil // the mark that `etcdutl snapshot restore --bump-revision` leaves
	case len(kv.Key) == 0:
		return errors.New("the entry has no key")
	case rev.tombstone:
		return nil // a deletion holds the key and nothing else
	case kv.ModRevision != rev.main:
		return fmt.Errorf("the entry says it was written at %d", kv.ModRevision)
	case kv.CreateRevision < 1 || kv.CreateRevision > kv.ModRevision || kv.Version < 1:
		return fmt.Errorf("created at %d, version %d", kv.CreateRevision, kv.Version)
	}
	return nil
}
