package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// versioning is whether a bucket keeps versions.
type versioning int

const (
	// unasked: the store has not answered yet.
	unasked versioning = iota
	// unversioned: it never kept any.
	unversioned
	// unknown: it does not tell us. Its objects are listed without versions. Before
	// an object is deleted, its version is looked up.
	unknown
	// versioned: it keeps them now, or has kept some.
	versioned
)

// versioning asks the store until it has answered once.
func (b *Bucket) versioning(ctx context.Context) (versioning, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.setting != unasked {
		return b.setting, nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	out, err := b.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.options.Bucket})
	switch {
	case code(err) == "NoSuchBucket":
		return unasked, err
	case refused(err):
		b.setting = unknown
	case err != nil:
		return unasked, err
	case out.Status == types.BucketVersioningStatusEnabled, out.Status == types.BucketVersioningStatusSuspended:
		b.setting = versioned
	default:
		b.setting = unversioned
	}
	return b.setting, nil
}

// refused reports whether the store does not know a question, or does not answer it to
// us. Asking again is of no use.
func refused(err error) bool {
	switch status(err) {
	case 400, 401, 403, 404, 405, 501:
		return true
	}
	return false
}

// version is the version of an object, as callers of this package see it.
func (v versioning) version(id *string) string {
	switch {
	case v != versioned:
		return ""
	case id == nil || *id == "":
		return "null" // what the store calls an object from before it kept versions
	}
	return *id
}
