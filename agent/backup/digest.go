package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// objectDigest takes the sealed bytes as they are written.
type objectDigest struct {
	sum  hash.Hash
	size int64
}

func newObjectDigest() *objectDigest { return &objectDigest{sum: sha256.New()} }

func (d *objectDigest) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	return d.sum.Write(p)
}

func (d *objectDigest) hex() string { return hex.EncodeToString(d.sum.Sum(nil)) }
