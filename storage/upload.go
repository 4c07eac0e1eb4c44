package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// chunk is how many bytes are read between two looks at the context.
const chunk = 256 << 10

// Copy writes the body of an upload to w, in order. It returns nil only if the
// body has exactly up.Size bytes with the hash up.SHA256. After any error, what w
// got is to be thrown away.
//
// The error of a body that does not match means that the file behind it changed or is
// damaged: another try with the same body does not help.
func Copy(ctx context.Context, w io.Writer, up Upload) error {
	if up.Size < 0 {
		return badBody(fmt.Sprintf("read body: the size %d is negative", up.Size), nil)
	}
	hash := sha256.New()
	buffer := make([]byte, min(chunk, up.Size))
	for offset := int64(0); offset < up.Size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := buffer[:min(int64(len(buffer)), up.Size-offset)]
		if err := readFull(up.Body, part, offset); err != nil {
			return badBody(fmt.Sprintf("read body at byte %d of %d", offset, up.Size), err)
		}
		hash.Write(part)
		if _, err := w.Write(part); err != nil {
			return err
		}
		offset += int64(len(part))
	}
	var beyond [1]byte
	if n, err := up.Body.ReadAt(beyond[:], up.Size); n > 0 {
		return badBody(fmt.Sprintf("read body: it is longer than %d bytes", up.Size), nil)
	} else if err != nil && !errors.Is(err, io.EOF) {
		return badBody(fmt.Sprintf("read body at byte %d", up.Size), err)
	}
	if [sha256.Size]byte(hash.Sum(nil)) != up.SHA256 {
		return badBody(fmt.Sprintf("read body: its SHA-256 is %x, not %x", hash.Sum(nil), up.SHA256), nil)
	}
	return ctx.Err()
}

// readFull fills part, or fails: io.EOF beside the last byte is no failure.
func readFull(body io.ReaderAt, part []byte, offset int64) error {
	n, err := body.ReadAt(part, offset)
	switch {
	case n == len(part):
		return nil
	case err == nil, errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}

// badBody is the Cause of a body that is not what its upload promises: the fault is on this host, not with the store.
func badBody(says string, err error) error {
	return &Cause{Says: says, Try: "the file to be stored changed, or its disk fails: look for errors of it in dmesg", Err: err}
}
