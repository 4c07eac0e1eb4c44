package gcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strconv"
	"time"

	gcs "cloud.google.com/go/storage"
	"google.golang.org/api/iterator"

	"github.com/etcdward/etcdward/storage"
)

const (
	// page is how many objects are listed with one request.
	page = 1000
	// resumptions is how often a reader goes on after a connection was cut.
	resumptions = 10
	// barrenPages is how many pages of a listing may follow each other that bring
	// nothing new.
	barrenPages = 10
)

// Open implements storage.Bucket. The library goes on by itself, with the same generation,
// where a connection is cut, and checks the CRC-32C at the end.
func (b *Bucket) Open(ctx context.Context, obj storage.Object) (io.ReadCloser, error) {
	if err := storage.CheckKey(obj.Key); err != nil {
		return nil, err
	}
	handle, ok := b.object(obj)
	if !ok {
		return nil, b.explain("open", obj.Key, fs.ErrNotExist)
	}
	limited, _ := withBudget(ctx, attempts+resumptions)
	body, err := handle.NewReader(limited)
	if err != nil {
		return nil, b.explain("open", obj.Key, err)
	}
	generation := strconv.FormatInt(body.Attrs.Generation, 10)
	given := storage.Object{Key: obj.Key, Version: generation, Tag: generation, Size: body.Attrs.Size, Stored: body.Attrs.LastModified.UTC()}
	if obj.Tag != "" && obj.Size != given.Size {
		return nil, errors.Join(b.explain("open", obj.Key, storage.Contradicted(obj, given.Size)), body.Close())
	}
	return &reader{ctx: ctx, bucket: b, key: obj.Key, body: body, left: given.Size, given: given}, nil
}

// reader reads one object that has left bytes to come.
type reader struct {
	bucket *Bucket
	ctx    context.Context
	key    string
	body   *gcs.Reader
	left   int64
	given  storage.Object
}

// Object implements storage.Described.
func (r *reader) Object() storage.Object { return r.given }

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, r.bucket.explain("read", r.key, err)
	}
	n, err := r.body.Read(p)
	r.left -= int64(n)
	switch {
	case r.left < 0:
		return 0, r.bucket.explain("read", r.key, errors.New("more bytes came than it has"))
	case err == nil, errors.Is(err, io.EOF) && r.left == 0:
		return n, err
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	case r.ctx.Err() != nil:
		err = r.ctx.Err()
	}
	return n, r.bucket.explain("read", r.key, err)
}

func (r *reader) Close() error {
	return r.body.Close()
}

// List implements storage.Bucket, with one request for 1,000 objects.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for a, err := range b.list(ctx, prefix, false) {
			if err != nil {
				yield(storage.Object{}, b.explain("list", prefix, err))
				return
			}
			if key, ok := b.key(a.Name); ok && !yield(describe(key, a), nil) {
				return
			}
		}
	}
}

// ListAt implements storage.Historian. It finds what the bucket keeps as old generations,
// and not what is softly deleted: that must be restored first.
func (b *Bucket) ListAt(ctx context.Context, prefix string, at time.Time) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for generations, err := range b.histories(ctx, prefix) {
			if err != nil {
				yield(storage.Object{}, b.explain("list", prefix, err))
				return
			}
			for _, a := range generations {
				if a.Created.After(at) || !a.Deleted.IsZero() && !a.Deleted.After(at) {
					continue
				}
				if key, ok := b.key(a.Name); ok && !yield(describe(key, a), nil) {
					return
				}
				break
			}
		}
	}
}

// histories yields the generations of each object below prefix, the newest first.
func (b *Bucket) histories(ctx context.Context, prefix string) iter.Seq2[[]*gcs.ObjectAttrs, error] {
	return func(yield func([]*gcs.ObjectAttrs, error) bool) {
		var one []*gcs.ObjectAttrs
		for a, err := range b.list(ctx, prefix, true) {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(one) > 0 && one[0].Name != a.Name {
				if !yield(newestFirst(one), nil) {
					return
				}
				one = nil
			}
			one = append(one, a)
		}
		if len(one) > 0 {
			yield(newestFirst(one), nil)
		}
	}
}

// list yields what lies below prefix in lexical order, all generations of it if wanted.
func (b *Bucket) list(ctx context.Context, prefix string, generations bool) iter.Seq2[*gcs.ObjectAttrs, error] {
	return func(yield func(*gcs.ObjectAttrs, error) bool) {
		if storage.CheckPrefix(prefix) != nil && ctx.Err() == nil {
			return
		}
		// Without a choice of fields, so that the answer says of what kind it is.
		query := &gcs.Query{Prefix: b.name(prefix), Versions: generations, Projection: gcs.ProjectionNoACL}
		limited, budget := withBudget(ctx, attempts+barrenPages)
		objects := b.handle.Objects(limited, query)
		objects.PageInfo().MaxSize = page
		last, seen := "", map[int64]bool{}
		for {
			a, err := objects.Next()
			if errors.Is(err, iterator.Done) {
				a, err = nil, ctx.Err()
			} else if err == nil {
				err = ctx.Err()
			}
			switch {
			case err != nil:
				yield(nil, err)
				return
			case a == nil:
				return
			case a.Name < last:
				yield(nil, fmt.Errorf("the store lists %q after %q", a.Name, last))
				return
			case a.Name > last:
				last, seen = a.Name, map[int64]bool{}
			}
			if seen[a.Generation] {
				continue
			}
			seen[a.Generation] = true
			budget.left.Store(attempts + barrenPages)
			if !yield(a, nil) {
				return
			}
		}
	}
}
