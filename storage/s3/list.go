package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/etcdward/etcdward/storage"
)

// errNowhere is the error of a page that is not the last and names no next one.
var errNowhere = errors.New("the store has more to list and does not say where")

// List implements storage.Bucket. It is one request for 1,000 objects or, where there
// are versions, 1,000 versions.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return b.list(ctx, prefix, time.Time{})
}

// ListAt implements storage.Historian.
func (b *Bucket) ListAt(ctx context.Context, prefix string, at time.Time) iter.Seq2[storage.Object, error] {
	return b.list(ctx, prefix, at)
}

// list yields what is current, or was at a time if that is not zero.
func (b *Bucket) list(ctx context.Context, prefix string, at time.Time) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if storage.CheckPrefix(prefix) != nil && ctx.Err() == nil {
			return
		}
		setting, err := b.versioning(ctx)
		if err != nil {
			yield(storage.Object{}, b.explain("list", prefix, err))
			return
		}
		if setting == unknown && !at.IsZero() {
			// What is current would pass for what was.
			yield(storage.Object{}, fmt.Errorf("list %s as it was: the store does not tell whether it keeps versions (s3:GetBucketVersioning): %w", prefix, storage.ErrDenied))
			return
		}
		source := b.current(ctx, prefix)
		if setting == versioned {
			source = b.chosen(ctx, prefix, at)
		}
		for obj, err := range source {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(storage.Object{}, b.explain("list", prefix, err))
				return
			}
			if !at.IsZero() && obj.Stored.After(at) {
				continue
			}
			if !yield(obj, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Object{}, b.explain("list", prefix, err))
		}
	}
}

// chosen yields of each history the version that is current, or was at a time.
func (b *Bucket) chosen(ctx context.Context, prefix string, at time.Time) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for h, err := range b.histories(ctx, prefix) {
			if err != nil {
				yield(storage.Object{}, err)
				return
			}
			v, ok := h.at(at)
			if !ok {
				continue
			}
			key, ok := b.key(h.name)
			if ok && !yield(storage.Object{Key: key, Version: v.id, Size: v.size, Tag: v.tag, Stored: v.modified}, nil) {
				return
			}
		}
	}
}

// current yields the objects of a bucket without versions.
func (b *Bucket) current(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		var watch pages
		in := &s3.ListObjectsV2Input{
			Bucket: &b.options.Bucket, Prefix: b.asked(prefix), EncodingType: types.EncodingTypeUrl,
		}
		for {
			out, err := b.listPage(ctx, in)
			if err != nil {
				yield(storage.Object{}, err)
				return
			}
			for _, found := range out.Contents {
				name, err := decode(found.Key, out.EncodingType)
				if err != nil {
					yield(storage.Object{}, err)
					return
				}
				fresh, err := watch.take(name, "")
				if err != nil {
					yield(storage.Object{}, err)
					return
				}
				key, ok := b.key(name)
				obj := storage.Object{Key: key, Size: aws.ToInt64(found.Size), Tag: tag(found.ETag), Stored: aws.ToTime(found.LastModified).UTC()}
				if fresh && ok && strings.HasPrefix(key, prefix) && !yield(obj, nil) {
					return
				}
			}
			if !aws.ToBool(out.IsTruncated) {
				return
			}
			if aws.ToString(out.NextContinuationToken) == "" {
				yield(storage.Object{}, errNowhere)
				return
			}
			if err := watch.turn(); err != nil {
				yield(storage.Object{}, err)
				return
			}
			in.ContinuationToken = out.NextContinuationToken
		}
	}
}

func (b *Bucket) listPage(ctx context.Context, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	return b.client.ListObjectsV2(ctx, in)
}
