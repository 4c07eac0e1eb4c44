package storagetest

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"github.com/etcdward/etcdward/storage"
)

// Overwriting is a bucket that ignores create-only, as some gateways do: a Put under a key that exists replaces the object.
type Overwriting struct {
	storage.Bucket
	mu sync.Mutex
	// Before is called before each Put, without a lock; it may be nil.
	Before func(key string)
}

// Put implements storage.Bucket, but for its promise.
func (o *Overwriting) Put(ctx context.Context, up storage.Upload) (storage.Object, error) {
	if o.Before != nil {
		o.Before(up.Key)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	obj, err := o.Bucket.Put(ctx, up)
	if !errors.Is(err, fs.ErrExist) {
		return obj, err
	}
	if err := o.Delete(ctx, storage.Object{Key: up.Key}); err != nil {
		return obj, err
	}
	return o.Bucket.Put(ctx, up)
}
