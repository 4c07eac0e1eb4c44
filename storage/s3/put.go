package s3

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/etcdward/etcdward/storage"
)

// hashField is the metadata that holds the SHA-256 of an object, in hex.
const hashField = "sha256"

// conflicts is how often a write is begun again that met another of the same key.
const conflicts = 6

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
	if err := storage.Copy(ctx, io.Discard, up); err != nil {
		return obj, err
	}
	write := b.putWhole
	if up.Size > b.partSize {
		write = b.putParts
		// Asking first costs little, compared with sending gigabytes in vain.
		obj, err := b.present(ctx, up)
		if err == nil || errors.Is(err, fs.ErrExist) || ctx.Err() != nil {
			return obj, err
		}
	}
	for try := 1; ; try++ {
		obj, err = write(ctx, up)
		switch {
		case err == nil:
			return obj, nil
		case status(err) == http.StatusPreconditionFailed:
			// Somebody else's object, or our own whose reply was lost.
			return b.present(ctx, up)
		case status(err) != http.StatusConflict || try == conflicts:
			return obj, err
		}
		// Another write of this key is under way. It either becomes visible, or fails
		// and makes room.
		if err := pause(ctx, b.pause/2+rand.N(b.pause)); err != nil {
			return obj, err
		}
	}
}

// putWhole writes an object in one request.
func (b *Bucket) putWhole(ctx context.Context, up storage.Upload) (storage.Object, error) {
	in := &s3.PutObjectInput{
		Bucket:        &b.options.Bucket,
		Key:           b.name(up.Key),
		Body:          io.NewSectionReader(up.Body, 0, up.Size),
		ContentLength: &up.Size,
		IfNoneMatch:   aws.String("*"),
		Metadata:      hashMetadata(up),
		StorageClass:  types.StorageClass(b.options.StorageClass),
	}
	in.ServerSideEncryption, in.SSEKMSKeyId = b.encryption()
	in.ObjectLockMode, in.ObjectLockRetainUntilDate = b.lock()
	if b.optionalChecksums() || in.ObjectLockMode != "" {
		// Then the store checks the bytes itself. With a lock it insists on that.
		in.ChecksumSHA256 = aws.String(base64.StdEncoding.EncodeToString(up.SHA256[:]))
	}
	out, err := b.client.PutObject(ctx, in)
	if err != nil {
		return storage.Object{}, err
	}
	return b.stored(ctx, up, out.VersionId, out.ETag, out.ResultMetadata)
}

// optionalChecksums reports whether to send checksums that the store does not require:
// neither the options nor the environment rule it out.
func (b *Bucket) optionalChecksums() bool {
	return b.client.Options().RequestChecksumCalculation != aws.RequestChecksumCalculationWhenRequired
}

func hashMetadata(up storage.Upload) map[string]string {
	return map[string]string{hashField: hex.EncodeToString(up.SHA256[:])}
}

// encryption is that of new objects.
func (b *Bucket) encryption() (types.ServerSideEncryption, *string) {
	if b.options.KMSKeyID == "" {
		return "", nil
	}
	return types.ServerSideEncryptionAwsKms, &b.options.KMSKeyID
}

// lock is that of new objects.
func (b *Bucket) lock() (types.ObjectLockMode, *time.Time) {
	until := b.now().UTC().AddDate(0, 0, b.options.LockDays)
	switch b.options.Lock {
	case "governance":
		return types.ObjectLockModeGovernance, &until
	case "compliance":
		return types.ObjectLockModeCompliance, &until
	}
	return "", nil
}

// stored describes an object that was written just now.
func (b *Bucket) stored(ctx context.Context, up storage.Upload, version, etag *string, answer middleware.Metadata) (storage.Object, error) {
	obj := storage.Object{Key: up.Key, Size: up.Size, Tag: tag(etag), Stored: b.now().UTC()}
	if at, ok := awsmiddleware.GetServerTime(answer); ok {
		obj.Stored = at.UTC()
	}
	setting, err := b.versioning(ctx)
	if err != nil {
		return storage.Object{}, err
	}
	if setting == versioned && aws.ToString(version) == "" {
		// The store did write, perhaps on an earlier attempt, but does not say which version.
		return b.present(ctx, up)
	}
	obj.Version = setting.version(version)
	return obj, nil
}

// present returns the object that is visible under the key of an upload, if it holds
// the same bytes. fs.ErrExist: it holds others.
func (b *Bucket) present(ctx context.Context, up storage.Upload) (storage.Object, error) {
	obj, metadata, err := b.head(ctx, storage.Object{Key: up.Key})
	if err != nil {
		return storage.Object{}, fmt.Errorf("look at the object that is there: %w", err)
	}
	if obj.Size != up.Size {
		return storage.Object{}, fs.ErrExist
	}
	hash := metadata[hashField]
	if hash == "" {
		// Somebody copied it here, or the store drops metadata.
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

// pause waits, or returns why not.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
