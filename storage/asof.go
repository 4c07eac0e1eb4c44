package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"time"
)

// AsOf is a bucket as it was at a time, by the store's clock. It can only be read: Put and Delete fail with ErrPast.
type AsOf struct {
	bucket Bucket
	at     time.Time
}

// ErrPast means that a caller tried to change the past.
var ErrPast = errors.New("the past cannot be changed")

// NewAsOf looks at a bucket as it was at a time.
func NewAsOf(bucket Bucket, at time.Time) *AsOf { return &AsOf{bucket, at} }

// List implements Bucket. Where the provider keeps no history it yields an error that wraps errors.ErrUnsupported.
func (a *AsOf) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	historian, ok := a.bucket.(Historian)
	if !ok {
		return func(yield func(Object, error) bool) {
			yield(Object{}, fmt.Errorf("list %s at %s: this kind of store has no past: %w", prefix, a.at.UTC().Format(time.RFC3339), errors.ErrUnsupported))
		}
	}
	return historian.ListAt(ctx, prefix, a.at)
}

// Open implements Bucket. An object without a version is looked up as it was then. fs.ErrNotExist means that there was none then,
// whatever there is now.
func (a *AsOf) Open(ctx context.Context, obj Object) (io.ReadCloser, error) {
	if obj.Version != "" {
		return a.bucket.Open(ctx, obj)
	}
	for then, err := range a.List(ctx, obj.Key) {
		if err != nil {
			return nil, err
		}
		if then.Key == obj.Key {
			return a.bucket.Open(ctx, then)
		}
		break // it would have come first
	}
	return nil, fmt.Errorf("open %s at %s: %w", obj.Key, a.at.UTC().Format(time.RFC3339), fs.ErrNotExist)
}

// Put implements Bucket.
func (a *AsOf) Put(_ context.Context, up Upload) (Object, error) {
	return Object{}, fmt.Errorf("put %s: %w", up.Key, ErrPast)
}

// Delete implements Bucket.
func (a *AsOf) Delete(_ context.Context, obj Object) error {
	return fmt.Errorf("delete %s: %w", obj.Key, ErrPast)
}
