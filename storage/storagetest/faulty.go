package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/etcdward/etcdward/storage"
)

// ErrFault is what a Faulty bucket fails with.
var ErrFault = errors.New("fault of the test")

// Fault is a way in which an operation fails.
type Fault int

const (
	// Before fails the operation without doing it.
	Before Fault = iota
	// After does the operation and then fails it: the reply was lost. An Open or a
	// List fails at the end of its bytes or objects.
	After
	// During fails the operation half-way: a Put while it reads the body, an Open
	// after half of the bytes, a List after half of the objects. A Delete, which has
	// no middle, fails as with Before.
	During
	// Down fails this operation and all after it, as for a caller who was killed.
	Down
)

func (f Fault) String() string {
	return [...]string{"before", "after", "during", "down"}[f]
}

// Faulty is a Bucket of which one operation fails: the n-th call of Put, Open,
// List or Delete, from 1. It has none of the optional interfaces, so that
// storage.DeleteAll is a Delete for each object.
type Faulty struct {
	bucket storage.Bucket
	at     int64
	fault  Fault
	calls  atomic.Int64
}

var _ storage.Bucket = (*Faulty)(nil)

// NewFaulty returns bucket with a fault at its operation at, from 1.
func NewFaulty(bucket storage.Bucket, at int, fault Fault) *Faulty {
	return &Faulty{bucket: bucket, at: int64(at), fault: fault}
}

// Met reports whether the fault has happened. If it has not, the run made fewer
// operations.
func (f *Faulty) Met() bool { return f.calls.Load() >= f.at }

// Faults calls try with a fault at operation 1, 2, 3 and so on, each in a bucket of
// its own, until a run met no fault; and that for every kind of fault.
//
// A try runs the code under test on faulty, which may fail, and then looks into
// bucket, the same one without the fault, for what must hold all the same; then,
// usually, it runs the code again on bucket and expects success.
func Faults(t *testing.T, open func(t *testing.T) storage.Bucket, try func(t *testing.T, faulty *Faulty, bucket storage.Bucket)) {
	for _, fault := range []Fault{Before, After, During, Down} {
		for at, met := 1, true; met; at++ {
			met = false
			ok := t.Run(fmt.Sprintf("%v-%d", fault, at), func(t *testing.T) {
				bucket := open(t)
				faulty := NewFaulty(bucket, at, fault)
				try(t, faulty, bucket)
				met = faulty.Met()
			})
			if !ok {
				break
			}
		}
	}
}

// next counts one operation, and returns the error that it is to fail with.
func (f *Faulty) next(operation, key string) error {
	n := f.calls.Add(1)
	if n == f.at || n > f.at && f.fault == Down {
		return fmt.Errorf("%s %s: operation %d: %w", operation, key, n, ErrFault)
	}
	return nil
}

// Put implements storage.Bucket.
func (f *Faulty) Put(ctx context.Context, up storage.Upload) (storage.Object, error) {
	fault := f.next("put", up.Key)
	switch {
	case fault == nil:
		return f.bucket.Put(ctx, up)
	case f.fault == After:
		_, _ = f.bucket.Put(ctx, up)
	case f.fault == During:
		up.Body = &cutBody{up.Body, up.Size / 2, fault}
		_, _ = f.bucket.Put(ctx, up)
	}
	return storage.Object{}, fault
}

// Open implements storage.Bucket.
func (f *Faulty) Open(ctx context.Context, obj storage.Object) (io.ReadCloser, error) {
	fault := f.next("open", obj.Key)
	if fault != nil && (f.fault == Before || f.fault == Down) {
		return nil, fault
	}
	r, err := f.bucket.Open(ctx, obj)
	if err != nil || fault == nil {
		return r, err
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	if f.fault == During {
		content = content[:len(content)/2]
	}
	return &cutReader{content, fault}, nil
}

// List implements storage.Bucket. Each time its sequence is used is one operation.
func (f *Faulty) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		fault := f.next("list", prefix)
		if fault == nil {
			f.bucket.List(ctx, prefix)(yield)
			return
		}
		var objects []storage.Object
		if f.fault == After || f.fault == During {
			for obj, err := range f.bucket.List(ctx, prefix) {
				if err != nil {
					yield(storage.Object{}, err)
					return
				}
				objects = append(objects, obj)
			}
		}
		if f.fault == During {
			objects = objects[:len(objects)/2]
		}
		for _, obj := range objects {
			if !yield(obj, nil) {
				return
			}
		}
		yield(storage.Object{}, fault)
	}
}

// Delete implements storage.Bucket.
func (f *Faulty) Delete(ctx context.Context, obj storage.Object) error {
	fault := f.next("delete", obj.Key)
	if fault == nil || f.fault == After {
		if err := f.bucket.Delete(ctx, obj); err != nil {
			return err
		}
	}
	return fault
}

// cutBody fails from the byte end on.
type cutBody struct {
	io.ReaderAt
	end   int64
	fault error
}

func (b *cutBody) ReadAt(p []byte, offset int64) (int, error) {
	left := b.end - offset
	if left >= int64(len(p)) {
		return b.ReaderAt.ReadAt(p, offset)
	}
	n := 0
	if left > 0 {
		n, _ = b.ReaderAt.ReadAt(p[:left], offset)
	}
	return n, b.fault
}

// cutReader fails where its content ends.
type cutReader struct {
	content []byte
	fault   error
}

func (r *cutReader) Read(p []byte) (int, error) {
	if len(r.content) == 0 {
		return 0, r.fault
	}
	n := copy(p, r.content)
	r.content = r.content[n:]
	return n, nil
}

func (r *cutReader) Close() error { return nil }
