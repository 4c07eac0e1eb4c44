package storage

import (
	"context"
	"fmt"
	"io"
	"iter"
	"sync"
)

// Lazy is a bucket that is opened when it is first used, and again until that succeeds: a store that is away when the
// program starts is used once it is back. Its methods give the error of open meanwhile.
type Lazy struct {
	open func(context.Context) (Bucket, error)

	mu     sync.Mutex
	bucket Bucket
}

// NewLazy returns a bucket that open opens.
func NewLazy(open func(context.Context) (Bucket, error)) *Lazy { return &Lazy{open: open} }

// Opened gives the bucket itself, for its optional interfaces.
func (l *Lazy) Opened(ctx context.Context) (Bucket, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bucket != nil {
		return l.bucket, nil
	}
	bucket, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	l.bucket = bucket
	return bucket, nil
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

// Close closes the bucket, if it was opened and knows how to.
func (l *Lazy) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	closer, ok := l.bucket.(io.Closer)
	if !ok {
		return nil
	}
	l.bucket = nil
	if err := closer.Close(); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}
