package s3

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/etcdward/etcdward/storage"
)

const (
	// maxParts is how many S3 takes for one object.
	maxParts = 10_000
	// atOnce is how many parts are sent at the same time.
	atOnce = 4
	// partUnit is what the size of a part is a multiple of, in bytes.
	partUnit = 1 << 20
	// farewell is how long to try to abort an upload that failed: beyond the deadline of its caller, so that it is short.
	farewell = 3 * time.Second
)

// partSizeFor returns the size of the parts of an object, in bytes.
func partSizeFor(size, least int64) int64 {
	part := (size + maxParts - 1) / maxParts
	return max(least, (part+partUnit-1)/partUnit*partUnit)
}

// putParts writes an object in parts. Nothing of it is visible until the last request.
func (b *Bucket) putParts(ctx context.Context, up storage.Upload) (obj storage.Object, err error) {
	in := &s3.CreateMultipartUploadInput{
		Bucket:       &b.options.Bucket,
		Key:          b.name(up.Key),
		Metadata:     hashMetadata(up),
		StorageClass: types.StorageClass(b.options.StorageClass),
	}
	in.ServerSideEncryption, in.SSEKMSKeyId = b.encryption()
	in.ObjectLockMode, in.ObjectLockRetainUntilDate = b.lock()
	if b.optionalChecksums() {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
	}
	created, err := b.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return obj, err
	}
	if aws.ToString(created.UploadId) == "" {
		return obj, notS3("an upload without an id")
	}
	defer func() {
		if err != nil {
			b.abort(ctx, in.Key, created.UploadId)
		}
	}()
	parts, err := b.sendParts(ctx, up, created.UploadId)
	if err != nil {
		return obj, err
	}
	out, err := b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket:          &b.options.Bucket,
		Key:             in.Key,
		UploadId:        created.UploadId,
		IfNoneMatch:     aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if status(err) == http.StatusNotFound {
		// The upload is gone: completed by an attempt whose reply was lost, if the
		// object is there.
		if obj, err := b.present(ctx, up); err == nil {
			return obj, nil
		}
	}
	if err != nil {
		return obj, err
	}
	if tag(out.ETag) == "" {
		return obj, notS3("a completed upload without an ETag")
	}
	return b.stored(ctx, up, out.VersionId, out.ETag, out.ResultMetadata)
}

// sendParts sends the parts, several at once, each read from its own place of the body.
func (b *Bucket) sendParts(ctx context.Context, up storage.Upload, id *string) ([]types.CompletedPart, error) {
	size := partSizeFor(up.Size, b.partSize)
	parts := make([]types.CompletedPart, (up.Size+size-1)/size)
	var checksum types.ChecksumAlgorithm
	if b.optionalChecksums() {
		checksum = types.ChecksumAlgorithmCrc32
	}
	group, sending := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range parts {
		if sending.Err() != nil {
			break
		}
		group.Go(func() error {
			offset := int64(i) * size
			length := min(size, up.Size-offset)
			number := aws.Int32(int32(i + 1))
			out, err := b.client.UploadPart(sending, &s3.UploadPartInput{
				Bucket:        &b.options.Bucket,
				Key:           b.name(up.Key),
				UploadId:      id,
				PartNumber:    number,
				Body:          io.NewSectionReader(up.Body, offset, length),
				ContentLength: &length,
				// As announced at the beginning: else the store does not take the
				// checksum of the part at the end.
				ChecksumAlgorithm: checksum,
			})
			if err != nil {
				return err
			}
			parts[i] = types.CompletedPart{ETag: out.ETag, PartNumber: number, ChecksumCRC32: out.ChecksumCRC32}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return parts, ctx.Err()
}

// abort gives up an upload. Where it fails, Sweep comes later.
func (b *Bucket) abort(ctx context.Context, name, id *string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	_, _ = b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.options.Bucket, Key: name, UploadId: id})
}
