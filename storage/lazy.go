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

// Lazy is a bucket that is opened when it is first used. If that fails, each call tries again, and returns the error: a store
// that is away when the program starts is used once it is back.
type Lazy struct {
	open func(context.Context) (Bucket, error)

	// turn holds one value while the bucket is opened or closed: unlike a mutex it lets a context end the waiting.
	turn   chan struct{}
	bucket Bucket
}

// NewLazy returns a bucket that open opens.
func NewLazy(open func(context.Context) (Bucket, error)) *Lazy {
	return &Lazy{open: open, turn: make(chan struct{}, 1)}
}

// Opened returns the bucket itself.
func (l *Lazy) Opened(ctx context.Context) (Bucket, error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("open store: %w", ctx.Err())
	}
	defer func() { <-l.turn }()
	if l.bucket != nil {
		return l.bucket, nil
	}
	bucket, err := l.open(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		// A file of credentials that is not there must not pass for an object that is not there.
		return nil, &Cause{Says: err.Error(), Try: hintOf(err), Kind: ErrSetup}
	} else if err != nil {
		return nil, err
	}
	l.bucket = bucket
	return bucket, nil
}

// hintOf is the way out that an error knows, else a general one.
func hintOf(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return "check the paths in the configuration of the store"
}

// Put implements Bucket.
func (l *Lazy) Put(ctx context.Context, up Upload) (Object, error) {
	bucket, err := l.Opened(ctx)
	if err != nil {
		return Object{}, err
	}
	return bucket.Put(ctx, up)
}

// Open implements Bucket.
func (l *Lazy) Open(ctx context.Context, obj Object) (io.ReadCloser, error) {
	bucket, err := l.Opened(ctx)
	if err != nil {
		return nil, err
	}
	return bucket.Open(ctx, obj)
}

// List implements Bucket.
func (l *Lazy) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	bucket, err := l.Opened(ctx)
	if err != nil {
		return func(yield func(Object, error) bool) { yield(Object{}, err) }
	}
	return bucket.List(ctx, prefix)
}

// Delete implements Bucket.
func (l *Lazy) Delete(ctx context.Context, obj Object) error {
	bucket, err := l.Opened(ctx)
	if err != nil {
		return err
	}
	return bucket.Delete(ctx, obj)
}

// DeleteAll implements Remover, by the bucket's own means where it has any.
func (l *Lazy) DeleteAll(ctx context.Context, objects []Object) []error {
	bucket, err := l.Opened(ctx)
	if err != nil {
		errs := make([]error, len(objects))
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	return DeleteAll(ctx, bucket, objects)
}

// ListAt implements Historian. For a bucket that has no history it yields an error that wraps errors.ErrUnsupported.
func (l *Lazy) ListAt(ctx context.Context, prefix string, at time.Time) iter.Seq2[Object, error] {
	bucket, err := l.Opened(ctx)
	if err != nil {
		return func(yield func(Object, error) bool) { yield(Object{}, err) }
	}
	return NewAsOf(bucket, at).List(ctx, prefix)
}

// Tidy implements Tidier. For a bucket that is no Tidier it does nothing.
func (l *Lazy) Tidy(ctx context.Context, prefix string, keep func(key string) bool) (removed int, err error) {
	bucket, err := l.Opened(ctx)
	if err != nil {
		return 0, err
	}
	if tidier, ok := bucket.(Tidier); ok {
		return tidier.Tidy(ctx, prefix, keep)
	}
	return 0, nil
}

// Sweep implements Sweeper. For a bucket that is no Sweeper it does nothing.
func (l *Lazy) Sweep(ctx context.Context, prefix string) (removed int, err error) {
	bucket, err := l.Opened(ctx)
	if err != nil {
		return 0, err
	}
	if sweeper, ok := bucket.(Sweeper); ok {
		return sweeper.Sweep(ctx, prefix)
	}
	return 0, nil
}

// Inspect implements Inspector. Of a bucket that is no Inspector nothing is known.
func (l *Lazy) Inspect(ctx context.Context) (Properties, error) {
	bucket, err := l.Opened(ctx)
	if err != nil {
		return Properties{}, err
	}
	if inspector, ok := bucket.(Inspector); ok {
		return inspector.Inspect(ctx)
	}
	return Properties{}, nil
}

var (
	_ Bucket    = (*Lazy)(nil)
	_ Remover   = (*Lazy)(nil)
	_ Historian = (*Lazy)(nil)
	_ Tidier    = (*Lazy)(nil)
	_ Sweeper   = (*Lazy)(nil)
	_ Inspector = (*Lazy)(nil)
)

// Close closes the bucket, if it was opened and knows how to.
func (l *Lazy) Close() error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	closer, ok := l.bucket.(io.Closer)
	l.bucket = nil
	if !ok {
		return nil
	}
	if err := closer.Close(); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}
