package snapshot

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"syscall"
	"time"

	"github.com/etcdward/etcdward/agent/version"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/protobuf/proto"
)

// The buckets and keys of etcd's schema that the checks read (server/storage/schema).
var (
	bucketKey     = []byte("key")
	bucketMeta    = []byte("meta")
	bucketLease   = []byte("lease")
	bucketMembers = []byte("members")
	bucketCluster = []byte("cluster")
	bucketAlarm   = []byte("alarm")

	metaConsistentIndex  = []byte("consistent_index")
	metaScheduledCompact = []byte("scheduledCompactRev")
	metaFinishedCompact  = []byte("finishedCompactRev")
	metaStorageVersion   = []byte("storageVersion")
	metaClusterVersion   = []byte("clusterVersion")
)

// openTimeout is how long to wait for another process that holds an exclusive lock on the file.
const openTimeout = 5 * time.Second

// finding is everything that the parser found in a sound file.
type finding struct {
	Facts  Facts  `json:"facts"`
	Origin Origin `json:"origin"`
}

// inspect is the parser: level 2 of the checks, and the facts. It runs in the child process only, on a file
// whose trailer holds. Each of its errors means damage, except one that wraps errCannotOpen.
//
// minor is that of the etcd server, for the meaning of TotalKeys; 0: as the file says. compacted is the compact revision that HashKV is
// computed for, at least that of the file; asItIs: that of the file.
func inspect(path string, minor int, compacted int64) (finding, error) {
	db, err := bolt.Open(path, 0o400, &bolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: openTimeout})
	if err != nil {
		if errors.Is(err, bolterrors.ErrTimeout) {
			return finding{}, fmt.Errorf("%w: another process holds it: %w", errCannotOpen, err)
		}
		// bbolt has its own errors for a file that it refuses; these come from the operating system.
		if errno := syscall.Errno(0); errors.As(err, &errno) {
			return finding{}, fmt.Errorf("%w: %w", errCannotOpen, err)
		}
		return finding{}, fmt.Errorf("open as bbolt: %w", err)
	}
	tx, err := db.Begin(false)
	if err != nil {
		return finding{}, errors.Join(fmt.Errorf("%w: %w", errCannotOpen, err), db.Close())
	}
	err = checkPages(tx)
	if errors.Is(err, errCheckLeft) {
		return finding{}, err // it still reads the pages
	}
	var found finding
	if err == nil {
		found, err = read(tx, minor, compacted)
	}
	_, _ = tx.Rollback(), db.Close() // nothing was written
	return found, err
}

// versionForm is the form in which etcd writes its storage version (absent before 3.6) and its cluster
// version.
var versionForm = regexp.MustCompile(`^([0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5})?$`)

var (
	// errCannotOpen marks an error that says nothing about whether the file is sound.
	errCannotOpen = errors.New("cannot open")
	// errCheckLeft means that bbolt's check was left running and still uses the transaction, which must
	// therefore stay open.
	errCheckLeft = errors.New("bad pages")
)

// maxFindings is how many findings of bbolt's check are enough. On a file made for that purpose the check
// would go on forever.
const maxFindings = 100

// checkPages runs bbolt's own consistency check and returns the first of its findings, with their number.
// After maxFindings it leaves the check running, until the process ends.
func checkPages(tx *bolt.Tx) error {
	var first error
	count := 0
	for err := range tx.Check() {
		if first == nil {
			first = err
		}
		if count++; count == maxFindings {
			return fmt.Errorf("%w, the first of at least %d: %w", errCheckLeft, count, first)
		}
	}
	if count > 0 {
		return fmt.Errorf("%d bad pages, the first: %w", count, first)
	}
	return nil
}

// read takes the facts from a transaction whose pages are sound.
func read(tx *bolt.Tx, minor int, compacted int64) (finding, error) {
	for _, name := range [][]byte{bucketKey, bucketMeta, bucketLease, bucketMembers, bucketCluster} {
		if tx.Bucket(name) == nil {
			return finding{}, fmt.Errorf("bucket %q is missing", name)
		}
	}
	meta := tx.Bucket(bucketMeta)
	if v := meta.Get(metaConsistentIndex); len(v) != 8 || binary.BigEndian.Uint64(v) == 0 {
		return finding{}, fmt.Errorf("meta: consistent_index is %x: no etcd server wrote this", v)
	}
	if v := meta.Get(metaStorageVersion); !versionForm.Match(v) {
		return finding{}, fmt.Errorf("meta: storageVersion is %.40q", v)
	}
	compact, err := compactRevision(meta)
	if err != nil {
		return finding{}, err
	}
	rows, err := scanRows(tx)
	if err != nil {
		return finding{}, err
	}
	origin, err := readOrigin(tx)
	if err != nil {
		return finding{}, err
	}
	facts := Facts{
		StatusHash:      fmt.Sprintf("%08x", rows.hash),
		Revision:        rows.last.main,
		CompactRevision: compact,
		TotalKeys:       rows.live,
		StorageVersion:  string(meta.Get(metaStorageVersion)),
	}
	if minor == 0 {
		minor = minorOf(facts.StorageVersion, origin.ClusterVersion)
	}
	if minor < 6 {
		facts.TotalKeys = rows.total
	}
	facts.HashKV, err = hashKV(tx.Bucket(bucketKey), rows, max(compact, compacted))
	return finding{facts, origin}, err
}

// alarms reads the bucket whose keys are the alarms, one for each member that raised it (schema/alarm.go). It returns nil if there
// is no such bucket.
func alarms(bucket *bolt.Bucket) (names []string, err error) {
	if bucket == nil {
		return nil, nil
	}
	err = bucket.ForEach(func(k, _ []byte) error {
		raised := new(pb.AlarmMember)
		if err := proto.Unmarshal(k, raised); err != nil {
			return fmt.Errorf("bucket %q: %w", bucketAlarm, err)
		}
		if name := raised.Alarm.String(); raised.Alarm != pb.AlarmType_NONE && !slices.Contains(names, name) {
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// compactRevision returns the revision of the last compaction that was begun, since a member hashes as if it
// were finished; -1 if there was none (mvcc/kvstore.go, restore).
func compactRevision(meta *bolt.Bucket) (int64, error) {
	compact := int64(-1)
	for _, name := range [][]byte{metaScheduledCompact, metaFinishedCompact} {
		v := meta.Get(name)
		if v == nil {
			continue
		}
		rev, err := parseRevision(v)
		if err != nil {
			return 0, fmt.Errorf("meta: %s: %w", name, err)
		}
		compact = max(compact, rev.main)
	}
	return compact, nil
}

// minorOf returns the minor version of the etcd that wrote a file: that of its storage version (from 3.6 on),
// or else that of its cluster version; 0 if neither can be read.
func minorOf(storageVersion, clusterVersion string) int {
	return cmp.Or(version.MinorOf(storageVersion), version.MinorOf(clusterVersion))
}
