package catalog

import (
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/etcdward/etcdward/agent/snapshot"
)

// checkedReader passes a stored object on and, at its end, holds it to its size and SHA-256.
type checkedReader struct {
	body io.ReadCloser
	sum  hash.Hash
	left int64
	want string
	id   string
}

func (r *checkedReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.sum.Write(p[:n])
	r.left -= int64(n)
	switch {
	case r.left < 0:
		return n, fmt.Errorf("snapshot %s: %w: the stored object is longer than its manifest says", r.id, snapshot.ErrDamaged)
	case err != io.EOF: // itself, as io.Reader has it: wrapped it is a connection that broke, an error of the store
		return n, err
	case r.left > 0:
		return n, fmt.Errorf("snapshot %s: %w: the stored object is %d bytes short", r.id, snapshot.ErrDamaged, r.left)
	case hex.EncodeToString(r.sum.Sum(nil)) != r.want:
		return n, fmt.Errorf("snapshot %s: %w: the stored object's SHA-256 is not that of its manifest", r.id, snapshot.ErrDamaged)
	}
	return n, io.EOF
}

func (r *checkedReader) Close() error { return r.body.Close() }
