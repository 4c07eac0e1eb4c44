package catalog

import (
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
)

// checkedReader passes a stored object on and, at its end, holds it to its size and SHA-256.
type checkedReader struct {
	body   io.ReadCloser
	sum    hash.Hash
	read   int64
	object snapshot.Stored
	// listed looks for the object in a listing.
	listed func() (obj storage.Object, found bool, err error)
	id     string
	failed error // what the first end was; a second one is the same
}

func (r *checkedReader) Read(p []byte) (int, error) {
	if r.failed != nil {
		return 0, r.failed
	}
	n, err := r.body.Read(p)
	r.sum.Write(p[:n])
	r.read += int64(n)
	switch {
	case r.read > r.object.SizeBytes:
		r.failed = r.blame("it is longer than its manifest says", func(listed int64) bool { return listed > r.object.SizeBytes })
	case err != io.EOF: // itself, as io.Reader has it: wrapped it is a connection that broke, an error of the store
		return n, err
	case r.read < r.object.SizeBytes:
		r.failed = r.blame(fmt.Sprintf("it is %d bytes short", r.object.SizeBytes-r.read), func(listed int64) bool { return listed == r.read })
	default:
		if got := hex.EncodeToString(r.sum.Sum(nil)); got != r.object.SHA256 {
			r.failed = r.blame("its SHA-256 is not that of its manifest but "+got, func(listed int64) bool { return listed == r.read })
		}
	}
	if r.failed != nil {
		return n, r.failed
	}
	return n, io.EOF
}

// blame says whose fault it is that the bytes are others: the object's, if a listing shows it with a size that fits them; else nothing
// follows from them.
func (r *checkedReader) blame(what string, fits func(listed int64) bool) error {
	obj, found, err := r.listed()
	switch {
	case err != nil:
		return fmt.Errorf("snapshot %s: %w: %s, and the store cannot be listed: %w", r.id, errMisfit, what, err)
	case !found:
		return fmt.Errorf("snapshot %s: %w: %s, and it is not listed", r.id, errMisfit, what)
	case !fits(obj.Size):
		return fmt.Errorf("snapshot %s: %w: %s, and it is listed with %d bytes", r.id, errMisfit, what, obj.Size)
	}
	return fmt.Errorf("snapshot %s: %w: %w: the stored object: %s", r.id, snapshot.ErrDamaged, ErrOtherBytes, what)
}

func (r *checkedReader) Close() error { return r.body.Close() }
