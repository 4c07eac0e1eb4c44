package gcs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"

	gcs "cloud.google.com/go/storage"

	"github.com/etcdward/etcdward/storage"
)

// hashField is the metadata that holds the SHA-256 of an object, in hex.
const hashField = "sha256"

// unit is what the size of a chunk is a multiple of, in bytes.
const unit = 256 << 10

// Put implements storage.Bucket. It reads the body twice: nothing is sent before it is
// known to be what the upload says.
func (b *Bucket) Put(ctx context.Context, up storage.Upload) (storage.Object, error) {
	if err := storage.CheckKey(up.Key); err != nil {
		return storage.Object{}, err
	}
	obj, err := b.put(ctx, up)
	if err != nil {
		return storage.Object{}, b.explain("put", up.Key, err)
	}
	return obj, nil
}

func (b *Bucket) put(ctx context.Context, up storage.Upload) (obj storage.Object, err error) {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	if err := storage.Copy(ctx, sum, up); err != nil {
		return obj, err
	}
	if up.Size > b.chunk {
		// Asking first costs little, compared with sending gigabytes in vain.
		obj, err := b.present(ctx, up)
		if err == nil || errors.Is(err, fs.ErrExist) || ctx.Err() != nil {
			return obj, err
		}
	}
	attrs, err := b.write(ctx, up, sum.Sum32())
	switch {
	case ctx.Err() != nil && err != nil:
		return obj, ctx.Err()
	case status(err) == http.StatusPreconditionFailed:
		// Somebody else's object, or our own whose reply was lost.
		return b.present(ctx, up)
	case err != nil:
		return obj, err
	}
	if attrs.Size != up.Size || attrs.CRC32C != sum.Sum32() {
		return obj, b.retract(ctx, up, attrs)
	}
	return describe(up.Key, attrs), nil
}

// write sends the body. The service makes an object of it only once it is whole, and
// only if there is none.
func (b *Bucket) write(ctx context.Context, up storage.Upload, sum uint32) (*gcs.ObjectAttrs, error) {
	// An upload is given up by cancelling its context.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	needed := int64(1)
	if up.Size >= b.chunk {
		needed = up.Size/b.chunk + 2
	}
	ctx, _ = withBudget(ctx, 2*needed+attempts-2)
	w := b.handle.Object(b.name(up.Key)).If(gcs.Conditions{DoesNotExist: true}).NewWriter(ctx)
	w.ContentType = "application/octet-stream"
	w.Metadata = map[string]string{hashField: hex.EncodeToString(up.SHA256[:])}
	w.CRC32C, w.SendCRC32C = sum, true
	// What fits in one chunk, with a byte to spare, goes in one request.
	w.ChunkSize = int(min(b.chunk, (up.Size/unit+1)*unit))
	w.ChunkRetryDeadline = b.call
	w.ChunkTransferTimeout = b.stall
	if _, err := io.Copy(w, io.NewSectionReader(up.Body, 0, up.Size)); err != nil {
		cancel()
		_ = w.Close()
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return w.Attrs(), nil
}

// retract removes an object that was stored wrong, and returns an error that says so.
func (b *Bucket) retract(ctx context.Context, up storage.Upload, attrs *gcs.ObjectAttrs) error {
	err := fmt.Errorf("the store made of %d bytes an object of %d, with the CRC-32C %08x", up.Size, attrs.Size, attrs.CRC32C)
	return errors.Join(err, b.Delete(context.WithoutCancel(ctx), describe(up.Key, attrs)))
}

// present returns the object that is visible under the key of an upload, if it holds
// the same bytes. fs.ErrExist: it holds others.
func (b *Bucket) present(ctx context.Context, up storage.Upload) (storage.Object, error) {
	attrs, err := b.attrs(ctx, b.handle.Object(b.name(up.Key)))
	if err != nil {
		return storage.Object{}, fmt.Errorf("look at the object that is there: %w", err)
	}
	if attrs.Size != up.Size {
		return storage.Object{}, fs.ErrExist
	}
	obj := describe(up.Key, attrs)
	hash := attrs.Metadata[hashField]
	if hash == "" { // somebody copied it here
		if hash, err = b.hash(ctx, obj); err != nil {
			return storage.Object{}, fmt.Errorf("look at the object that is there: %w", err)
		}
	}
	if hash != hex.EncodeToString(up.SHA256[:]) {
		return storage.Object{}, fs.ErrExist
	}
	return obj, nil
}

// hash reads an object to its end.
func (b *Bucket) hash(ctx context.Context, obj storage.Object) (string, error) {
	r, err := b.Open(ctx, obj)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, r)
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, r.Close())
}

func (b *Bucket) attrs(ctx context.Context, handle *gcs.ObjectHandle) (*gcs.ObjectAttrs, error) {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	return handle.Attrs(ctx)
}
