package snapshot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/etcdward/etcdward/agent/cancellation"
)

// trailerSize is the length of the SHA-256 that etcd's server appends to the stream
// of a snapshot (etcdserver/api/v3rpc/maintenance.go, Snapshot).
const trailerSize = sha256.Size

// sectorSize divides the size of every bbolt file, so that the size reports whether a file has a trailer
// (etcdutl tests the same remainder).
const sectorSize = 512

// ErrDamaged means that the bytes are not those of a sound snapshot. Any other error leaves the question
// open, for example because the file could not be read.
var ErrDamaged = errors.New("damaged")

// Digest is a writer that takes the bytes of a snapshot file once, in order, and then knows
// its size, its SHA-256, and whether the trailer holds. The zero value is not ready; use NewDigest.
type Digest struct {
	sum  hash.Hash
	size int64
	tail []byte // the last bytes seen, which are not in sum yet: after the last write they are the trailer
}

// NewDigest returns a Digest that has seen no bytes.
func NewDigest() *Digest {
	return &Digest{sum: sha256.New(), tail: make([]byte, 0, 2*trailerSize)}
}

// Write never fails.
func (d *Digest) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	if len(p) >= trailerSize {
		d.sum.Write(d.tail)
		body := len(p) - trailerSize
		d.sum.Write(p[:body])
		d.tail = append(d.tail[:0], p[body:]...)
		return len(p), nil
	}
	d.tail = append(d.tail, p...)
	if over := len(d.tail) - trailerSize; over > 0 {
		d.sum.Write(d.tail[:over])
		d.tail = append(d.tail[:0], d.tail[over:]...)
	}
	return len(p), nil
}

// Size is the number of bytes written.
func (d *Digest) Size() int64 { return d.size }

// Verify checks that what was written is a whole snapshot. It always returns the SHA-256 of all bytes,
// trailer included, in hex. Its error wraps ErrDamaged. Nothing may be written after this call.
func (d *Digest) Verify() (wholeSHA256 string, err error) {
	body := d.sum.Sum(nil)
	d.sum.Write(d.tail)
	whole := hex.EncodeToString(d.sum.Sum(nil))
	switch {
	case d.size == 0:
		return whole, fmt.Errorf("%w: the file is empty", ErrDamaged)
	case d.size%sectorSize == 0:
		return whole, fmt.Errorf("%w: no SHA-256 trailer: %d bytes is the size of a bare database file or of a cut stream; nothing proves that it is whole", ErrDamaged, d.size)
	case d.size%sectorSize != trailerSize:
		return whole, fmt.Errorf("%w: %d bytes is not the size of a snapshot: it was cut short, or something was added", ErrDamaged, d.size)
	case !bytes.Equal(body, d.tail):
		return whole, fmt.Errorf("%w: the SHA-256 trailer does not match the %d bytes before it", ErrDamaged, d.size-trailerSize)
	}
	return whole, nil
}

// DigestOf reads r to its end.
func DigestOf(ctx context.Context, r io.Reader) (*Digest, error) {
	d := NewDigest()
	if _, err := io.CopyBuffer(d, cancellation.Reader(ctx, r), make([]byte, 256<<10)); err != nil {
		return nil, err
	}
	return d, nil
}
