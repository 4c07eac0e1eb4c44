package snapshot

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/proto"

	"github.com/etcdward/etcdward/agent/child"
)

// walking is the child process of Walk. It writes the living keys of a file to stdout.
var walking = child.Task{Name: "internal-walk", Args: 2, Do: walkMain}

// Entry is one key that exists at the newest revision of a file.
type Entry struct {
	Key, Value  []byte
	ModRevision int64
}

// maxEntryBytes limits a key or a value. By default etcd takes requests of up to 1.5 MiB, and never one as large as this.
const maxEntryBytes = 256 << 20

// Walk calls visit for every key below prefix that exists at the newest revision of the file, in the order of their last
// change. visit may keep the slices. The file must have passed Examine, since Walk trusts its bytes. An error that wraps
// ErrDamaged means that the file crashed the reader, which runs in a child process. An error of visit ends the walk and is
// returned.
func Walk(ctx context.Context, path, prefix string, visit func(Entry) error) error {
	reader, err := walking.Start(ctx, []string{path, prefix})
	if err != nil {
		return fmt.Errorf("walk %s: %w", path, err)
	}
	err = readEntries(bufio.NewReaderSize(reader.Stdout, 1<<20), visit)
	_ = reader.Stdin.Close() // ends the child if the walk was cut short
	ended := reader.Wait()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("walk %s: %w", path, context.Cause(ctx))
	case errors.Is(err, errCut) && ended != nil:
		return crashed("walk", path, ended)
	case err != nil:
		return fmt.Errorf("walk %s: %w", path, err)
	}
	return nil
}

// errCut means that the child's stream ended without its end mark.
var errCut = errors.New("the child stopped in the middle")

// readEntries reads what writeEntry wrote, up to the end mark.
func readEntries(r io.Reader, visit func(Entry) error) error {
	for {
		var head [16]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return fmt.Errorf("%w: %w", errCut, err)
		}
		keySize, valueSize := binary.BigEndian.Uint32(head[8:]), binary.BigEndian.Uint32(head[12:])
		if keySize == 0 {
			return nil
		}
		if keySize > maxEntryBytes || valueSize > maxEntryBytes {
			return fmt.Errorf("%w: an entry of %d and %d bytes", ErrDamaged, keySize, valueSize)
		}
		body := make([]byte, int(keySize)+int(valueSize))
		if _, err := io.ReadFull(r, body); err != nil {
			return fmt.Errorf("%w: %w", errCut, err)
		}
		err := visit(Entry{Key: body[:keySize:keySize], Value: body[keySize:], ModRevision: int64(binary.BigEndian.Uint64(head[:8]))})
		if err != nil {
			return err
		}
	}
}

// walkMain runs in the child process of Walk.
func walkMain(args []string) error {
	beExpendable()
	path, prefix := args[0], args[1]
	w := bufio.NewWriterSize(os.Stdout, 1<<20)
	_, err := eachLiving(path, func(place, _ []byte, kv *mvccpb.KeyValue) error {
		if len(kv.Key) == 0 || !strings.HasPrefix(string(kv.Key), prefix) {
			return nil
		}
		var head [16]byte
		copy(head[:8], place)
		binary.BigEndian.PutUint32(head[8:], uint32(len(kv.Key)))
		binary.BigEndian.PutUint32(head[12:], uint32(len(kv.Value)))
		for _, part := range [][]byte{head[:], kv.Key, kv.Value} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := w.Write(make([]byte, 16)); err != nil { // a key of no bytes: the end
		return err
	}
	return w.Flush()
}

// eachLiving calls visit with the newest entry of every key that exists, in the order of revisions: with its revision, its
// bytes, and the decoded entry. last is the newest revision of the file, which may be that of a deletion.
func eachLiving(path string, visit func(key, entry []byte, kv *mvccpb.KeyValue) error) (last int64, err error) {
	db, err := bolt.Open(path, 0o400, &bolt.Options{ReadOnly: true, Timeout: openTimeout})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errCannotOpen, err)
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		found, err := scanRows(tx)
		if err != nil {
			return err
		}
		last = found.last.main
		return tx.Bucket(bucketKey).ForEach(func(k, v []byte) error {
			rev, err := parseRevision(k)
			if err != nil || rev.tombstone {
				return err
			}
			kv := new(mvccpb.KeyValue)
			if err := proto.Unmarshal(v, kv); err != nil {
				return err
			}
			if found.latest[string(kv.Key)] != rev {
				return nil
			}
			return visit(k, v, kv)
		})
	})
	return last, err
}
