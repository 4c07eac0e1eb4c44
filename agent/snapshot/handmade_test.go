package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/proto"
)

// unwrapAll gives the innermost cause.
func unwrapAll(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// revisionKey is the key of an entry; mark is "" or "t".
func revisionKey(main, sub int64, mark string) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(main))
	b = binary.BigEndian.AppendUint64(append(b, '_'), uint64(sub))
	return append(b, mark...)
}

// keyValue is what a put writes.
func keyValue(key string, create, mod, version int64) []byte {
	b, err := proto.Marshal(&mvccpb.KeyValue{Key: []byte(key), Value: []byte("value of " + key), CreateRevision: create, ModRevision: mod, Version: version})
	if err != nil {
		panic(err)
	}
	return b
}

// handmade makes a database with what every etcd writes and three revisions, two of one key, and lets edit change it.
func handmade(t testing.TB, edit func(tx *bolt.Tx) error) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true, PageSize: pageSize})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{"alarm", "auth", "authRoles", "authUsers", "cluster", "key", "lease", "members", "members_removed", "meta"} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return errors.Join(
			tx.Bucket(bucketMeta).Put(metaConsistentIndex, binary.BigEndian.AppendUint64(nil, 7)),
			tx.Bucket(bucketMeta).Put(metaStorageVersion, []byte("3.6.0")),
			tx.Bucket(bucketCluster).Put(metaClusterVersion, []byte("3.6.0")),
			tx.Bucket(bucketKey).Put(revisionKey(2, 0, ""), keyValue("a", 2, 2, 1)),
			tx.Bucket(bucketKey).Put(revisionKey(3, 0, ""), keyValue("b", 3, 3, 1)),
			tx.Bucket(bucketKey).Put(revisionKey(3, 1, ""), keyValue("a", 2, 3, 2)))
	})
	if err == nil && edit != nil {
		err = db.Update(edit)
	}
	var body bytes.Buffer
	if err == nil {
		// As etcd does, which makes both meta pages say the same.
		err = db.View(func(tx *bolt.Tx) error {
			_, err := tx.WriteTo(&body)
			return err
		})
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}

// synced is a database with a page for its freelist, which etcd leaves out, some pages in it, and a key bucket of many pages.
func synced(t testing.TB) []byte {
	t.Helper()
	return handmade(t, func(tx *bolt.Tx) error {
		for rev := int64(4); rev < 500; rev++ {
			if err := tx.Bucket(bucketKey).Put(revisionKey(rev, 0, ""), keyValue(strings.Repeat("long", 20), 4, rev, rev-3)); err != nil {
				return err
			}
		}
		return nil
	})
}

func put(bucket []byte, key, value []byte) func(*bolt.Tx) error {
	return func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put(key, value) }
}

func TestHandmadeSound(t *testing.T) {
	meta := func(name, value []byte) func(*bolt.Tx) error { return put(bucketMeta, name, value) }
	for name, test := range map[string]struct {
		edit func(*bolt.Tx) error
		want Facts // without the hashes and what is of the whole file
	}{
		"plain":              {nil, Facts{Revision: 3, CompactRevision: -1, TotalKeys: 2, StorageVersion: "3.6.0"}},
		"synced freelist":    {func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("alarm")) }, Facts{Revision: 3, CompactRevision: -1, TotalKeys: 2, StorageVersion: "3.6.0"}},
		"deleted":            {put(bucketKey, revisionKey(4, 0, "t"), keyValue("a", 0, 0, 0)), Facts{Revision: 4, CompactRevision: -1, TotalKeys: 1, StorageVersion: "3.6.0"}},
		"compaction done":    {meta(metaFinishedCompact, revisionKey(3, 0, "")), Facts{Revision: 3, CompactRevision: 3, TotalKeys: 2, StorageVersion: "3.6.0"}},
		"compaction begun":   {meta(metaScheduledCompact, revisionKey(2, 0, "")), Facts{Revision: 3, CompactRevision: 2, TotalKeys: 2, StorageVersion: "3.6.0"}},
		"compacted beyond":   {meta(metaScheduledCompact, revisionKey(9, 0, "")), Facts{Revision: 3, CompactRevision: 9, TotalKeys: 2, StorageVersion: "3.6.0"}},
		"bumped":             {put(bucketKey, revisionKey(1003, 0, ""), nil), Facts{Revision: 1003, CompactRevision: -1, TotalKeys: 3, StorageVersion: "3.6.0"}},
		"no storage version": {func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Delete(metaStorageVersion) }, Facts{Revision: 3, CompactRevision: -1, TotalKeys: 2}},
		"3.5": {func(tx *bolt.Tx) error {
			return errors.Join(tx.Bucket(bucketMeta).Delete(metaStorageVersion), tx.Bucket(bucketCluster).Put(metaClusterVersion, []byte("3.5.0")))
		}, Facts{Revision: 3, CompactRevision: -1, TotalKeys: 3 + 1 + 1}},
		"no keys": {func(tx *bolt.Tx) error {
			return errors.Join(tx.DeleteBucket(bucketKey), tx.Bucket(bucketCluster).Put([]byte("x"), nil), func() error { _, err := tx.CreateBucket(bucketKey); return err }())
		}, Facts{CompactRevision: -1, StorageVersion: "3.6.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, withTrailer(handmade(t, test.edit)))
			e := examine(t, path, 0)
			found, err := inspect(path, 0, asItIs)
			got := found.Facts
			if !e.OK() || err != nil || got.HashKV != e.Facts.HashKV || got.StatusHash != e.Facts.StatusHash {
				t.Fatalf("Examine: got %+v; inspect: got %+v, error %v", e, got, err)
			}
			if want := max(got.Revision, got.CompactRevision, 1); got.HashKV.Revision != want || got.HashKV.CompactRevision != got.CompactRevision {
				t.Errorf("HashKV is of %+v, want revision %d", got.HashKV, want)
			}
			got.HashKV, got.StatusHash = HashKV{}, ""
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestHandmadeDamaged(t *testing.T) {
	drop := func(name []byte) func(*bolt.Tx) error {
		return func(tx *bolt.Tx) error { return tx.DeleteBucket(name) }
	}
	for name, test := range map[string]struct {
		edit func(*bolt.Tx) error
		want string
	}{
		"no bucket key":        {drop(bucketKey), `bucket "key" is missing`},
		"no bucket meta":       {drop(bucketMeta), `bucket "meta" is missing`},
		"no bucket lease":      {drop(bucketLease), `bucket "lease" is missing`},
		"no bucket members":    {drop(bucketMembers), `bucket "members" is missing`},
		"no bucket cluster":    {drop(bucketCluster), `bucket "cluster" is missing`},
		"no consistent index":  {func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Delete(metaConsistentIndex) }, "consistent_index"},
		"consistent index 0":   {put(bucketMeta, metaConsistentIndex, make([]byte, 8)), "consistent_index"},
		"short index":          {put(bucketMeta, metaConsistentIndex, []byte{1}), "consistent_index"},
		"storage version":      {put(bucketMeta, metaStorageVersion, []byte("\x1b[2J")), "storageVersion"},
		"long storage version": {put(bucketMeta, metaStorageVersion, []byte(strings.Repeat("3", 5000)+".6.0")), "storageVersion"},
		"finished compaction":  {put(bucketMeta, metaFinishedCompact, []byte("x")), "finishedCompactRev: 78 is no revision"},
		"scheduled compaction": {put(bucketMeta, metaScheduledCompact, revisionKey(-1, 0, "")), "scheduledCompactRev"},
		"short key":            {put(bucketKey, []byte("short"), nil), "is no revision"},
		"long key":             {put(bucketKey, []byte(strings.Repeat("k", 30_000)), nil), "is no revision"},
		"no separator":         {put(bucketKey, append(revisionKey(4, 0, "")[:8], "-12345678"...), nil), "is no revision"},
		"wrong mark":           {put(bucketKey, revisionKey(4, 0, "x"), keyValue("a", 0, 0, 0)), "is no revision"},
		"negative revision":    {put(bucketKey, revisionKey(-4, 0, ""), keyValue("a", 2, 4, 2)), "negative"},
		"negative sub":         {put(bucketKey, revisionKey(4, -1, ""), keyValue("a", 2, 4, 2)), "negative"},
		"twice a revision":     {put(bucketKey, revisionKey(3, 1, "t"), keyValue("a", 0, 0, 0)), "revision 3/1 follows 3/1"},
		"other mod_revision":   {put(bucketKey, revisionKey(4, 0, ""), keyValue("a", 2, 3, 2)), "says it was written at 3"},
		"no create_revision":   {put(bucketKey, revisionKey(4, 0, ""), keyValue("a", 0, 4, 2)), "created at 0"},
		"created later":        {put(bucketKey, revisionKey(4, 0, ""), keyValue("a", 5, 4, 2)), "created at 5"},
		"version 0":            {put(bucketKey, revisionKey(4, 0, ""), keyValue("a", 2, 4, 0)), "version 0"},
		"no key":               {put(bucketKey, revisionKey(4, 0, ""), keyValue("", 2, 4, 2)), "no key"},
		"empty deletion":       {put(bucketKey, revisionKey(4, 0, "t"), nil), "no key"},
		"empty in the middle":  {put(bucketKey, revisionKey(4, 1, ""), nil), "no key"},
		"no key-value":         {put(bucketKey, revisionKey(4, 0, ""), []byte{0xff}), "revision 4/0"},
		"bucket among keys": {func(tx *bolt.Tx) error {
			_, err := tx.Bucket(bucketKey).CreateBucket([]byte("nested"))
			return err
		}, "is no revision"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, withTrailer(handmade(t, test.edit)))
			if _, err := inspect(path, 0, asItIs); err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, errCannotOpen) {
				t.Errorf("inspect: got %v, want %q", err, test.want)
			}
			e := examine(t, path, 0)
			wantDamage(t, e, CheckPages)
			if detail := e.Checks[1].Detail; name != "long key" && !strings.Contains(detail, test.want) || len(detail) > maxMessageBytes+100 {
				t.Errorf("Examine: got %q, want %q", detail, test.want)
			}
		})
	}
}

// TestOrigin checks what a file tells about its cluster, beside what identifies it.
func TestOrigin(t *testing.T) {
	alarm := func(kind pb.AlarmType, member uint64) func(*bolt.Tx) error {
		raised, err := proto.Marshal(&pb.AlarmMember{MemberID: member, Alarm: kind})
		if err != nil {
			t.Fatal(err)
		}
		return put(bucketAlarm, raised, nil)
	}
	for name, test := range map[string]struct {
		edit func(*bolt.Tx) error
		want Origin
	}{
		"plain":               {nil, Origin{ClusterVersion: "3.6.0"}},
		"odd cluster version": {put(bucketCluster, metaClusterVersion, []byte("3.6\n")), Origin{}},
		"no alarms known":     {func(tx *bolt.Tx) error { return tx.DeleteBucket(bucketAlarm) }, Origin{ClusterVersion: "3.6.0"}},
		"alarms": {func(tx *bolt.Tx) error {
			return errors.Join(alarm(pb.AlarmType_NOSPACE, 7)(tx), alarm(pb.AlarmType_NOSPACE, 8)(tx), alarm(pb.AlarmType_CORRUPT, 7)(tx))
		}, Origin{ClusterVersion: "3.6.0", Alarms: []string{"CORRUPT", "NOSPACE"}}},
	} {
		if e := examine(t, write(t, withTrailer(handmade(t, test.edit))), 0); !e.OK() || !reflect.DeepEqual(e.Origin, test.want) {
			t.Errorf("%s: got %+v, want %+v", name, e.Origin, test.want)
		}
	}
	wantDamage(t, examine(t, write(t, withTrailer(handmade(t, put(bucketAlarm, []byte{0xff}, nil)))), 0), CheckPages)
}
