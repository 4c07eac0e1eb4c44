package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/etcdward/etcdward/storage"
)

// abandoned is the age from which an unfinished upload counts as left behind.
const abandoned = 24 * time.Hour

// Tidy implements storage.Tidier. On a bucket without versions it does nothing.
func (b *Bucket) Tidy(ctx context.Context, prefix string, keep func(key string) bool) (removed int, err error) {
	setting, err := b.versioning(ctx)
	if err != nil {
		return 0, b.explain("tidy", prefix, err)
	}
	if setting != versioned || storage.CheckPrefix(prefix) != nil {
		return 0, nil
	}
	var errs []error
	for h, err := range b.histories(ctx, prefix) {
		if err != nil {
			return removed, b.explain("tidy", prefix, errors.Join(append(errs, err)...))
		}
		key, ok := b.key(h.name)
		if !ok || !h.hidden() || keep(key) {
			continue
		}
		n, err := b.erase(ctx, key, h)
		removed += n
		if err != nil {
			errs = append(errs, err)
		}
	}
	return removed, errors.Join(errs...)
}

// hidden reports whether the store itself calls a marker the latest.
func (h history) hidden() bool {
	for _, v := range h.versions {
		if v.latest {
			return v.marker
		}
	}
	return false
}

// erase removes everything that is kept under a name. The markers go last, and only if
// nothing is left that they hide.
func (b *Bucket) erase(ctx context.Context, key string, h history) (removed int, err error) {
	var objects, markers []storage.Object
	for _, v := range h.versions {
		if v.marker {
			markers = append(markers, storage.Object{Key: key, Version: v.id})
		} else {
			objects = append(objects, storage.Object{Key: key, Version: v.id})
		}
	}
	for _, some := range [][]storage.Object{objects, markers} {
		var errs []error
		left := false
		for _, err := range b.deleteMany(ctx, some) {
			switch {
			case err == nil:
				removed++
			case errors.Is(err, storage.ErrLocked):
				left = true
			default:
				errs = append(errs, err)
			}
		}
		if left || len(errs) > 0 {
			return removed, errors.Join(errs...)
		}
	}
	return removed, nil
}

// Sweep implements storage.Sweeper: it aborts uploads in parts that were begun a day ago.
// The parts of them are in no listing, and are paid for until then. If the store does not list unfinished uploads, the first
// Sweep returns an error that wraps errors.ErrUnsupported, and those after it do nothing.
func (b *Bucket) Sweep(ctx context.Context, prefix string) (removed int, err error) {
	old, err := b.abandonedUploads(ctx, prefix)
	switch {
	case refused(err) && status(err) != http.StatusForbidden && status(err) != http.StatusUnauthorized && code(err) != "NoSuchBucket":
		return 0, b.sayOnce(prefix)
	case err != nil:
		return 0, b.explain("sweep", prefix, err)
	}
	var errs []error
	for _, upload := range old {
		switch err := b.abortUpload(ctx, upload); {
		case err == nil:
			removed++
		case !missing(err):
			errs = append(errs, b.explain("sweep", *upload.Key, err))
		}
	}
	return removed, errors.Join(errs...)
}

// sayOnce is the error of a store that lists no unfinished uploads, and nil from the second time on.
func (b *Bucket) sayOnce(prefix string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sweepless {
		return nil
	}
	b.sweepless = true
	return fmt.Errorf("sweep %s: %w", prefix, &storage.Cause{
		Says: "not supported: the store does not list unfinished uploads",
		Try:  "nothing need be done; where uploads are cut often, let the store itself remove their parts",
		Kind: errors.ErrUnsupported,
	})
}

// abandonedUploads lists the uploads below a prefix that were begun a day ago. It asks for all of the bucket and chooses itself: to
// MinIO a prefix is a whole key.
func (b *Bucket) abandonedUploads(ctx context.Context, prefix string) ([]*s3.AbortMultipartUploadInput, error) {
	var watch pages
	var old []*s3.AbortMultipartUploadInput
	in := &s3.ListMultipartUploadsInput{Bucket: &b.options.Bucket, EncodingType: types.EncodingTypeUrl}
	for {
		out, err := b.uploadsPage(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, upload := range out.Uploads {
			name, err := decode(upload.Key, out.EncodingType)
			if err != nil {
				return nil, err
			}
			fresh, err := watch.take(name, aws.ToString(upload.UploadId))
			if err != nil {
				return nil, err
			}
			key, ours := b.key(name)
			if fresh && ours && strings.HasPrefix(key, prefix) && upload.Initiated != nil && b.now().Sub(*upload.Initiated) >= abandoned {
				old = append(old, &s3.AbortMultipartUploadInput{Bucket: &b.options.Bucket, Key: &name, UploadId: upload.UploadId})
			}
		}
		if !aws.ToBool(out.IsTruncated) {
			return old, nil
		}
		marker, err := decode(out.NextKeyMarker, out.EncodingType)
		if err == nil && marker == "" {
			err = errNowhere
		}
		if err := errors.Join(err, watch.turn()); err != nil {
			return nil, err
		}
		in.KeyMarker, in.UploadIdMarker = &marker, out.NextUploadIdMarker
	}
}

func (b *Bucket) uploadsPage(ctx context.Context, in *s3.ListMultipartUploadsInput) (*s3.ListMultipartUploadsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	return b.client.ListMultipartUploads(ctx, in)
}

func (b *Bucket) abortUpload(ctx context.Context, in *s3.AbortMultipartUploadInput) error {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	_, err := b.client.AbortMultipartUpload(ctx, in)
	return err
}
