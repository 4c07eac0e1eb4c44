package storage_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// overwriting is a bucket that keeps no promise: every write is taken.
type overwriting struct{ storage.Bucket }

func (o overwriting) Put(ctx context.Context, up storage.Upload) (storage.Object, error) {
	if err := o.Bucket.Delete(ctx, storage.Object{Key: up.Key}); err != nil {
		return storage.Object{}, err
	}
	return o.Bucket.Put(ctx, up)
}

// racing is a bucket that looks before it writes, and takes what comes at the same time.
type racing struct{ storage.Bucket }

func (r racing) Put(ctx context.Context, up storage.Upload) (storage.Object, error) {
	if strings.Contains(up.Key, "at-once") {
		return storage.Object{Key: up.Key, Size: up.Size}, nil
	}
	return r.Bucket.Put(ctx, up)
}

// stubborn is a bucket from which nothing can be removed.
type stubborn struct {
	storage.Bucket
	err error
}

func (s stubborn) Delete(context.Context, storage.Object) error { return s.err }

func TestTryCreateOnly(t *testing.T) {
	odd := errors.New("odd")
	for name, test := range map[string]struct {
		wrap func(storage.Bucket) storage.Bucket
		want error
		left int
	}{
		"sound":           {func(b storage.Bucket) storage.Bucket { return b }, nil, 0},
		"overwriting":     {func(b storage.Bucket) storage.Bucket { return overwriting{b} }, storage.ErrOverwrites, 0},
		"racing":          {func(b storage.Bucket) storage.Bucket { return racing{b} }, storage.ErrOverwrites, 0},
		"nothing removed": {func(b storage.Bucket) storage.Bucket { return stubborn{b, fmt.Errorf("no: %w", storage.ErrDenied)} }, nil, 2},
		"locked":          {func(b storage.Bucket) storage.Bucket { return stubborn{b, fmt.Errorf("no: %w", storage.ErrLocked)} }, nil, 2},
		"removal fails":   {func(b storage.Bucket) storage.Bucket { return stubborn{b, odd} }, odd, 2},
	} {
		disk, err := directory.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		bucket := test.wrap(disk)
		for range 3 { // to repeat it leaves no more
			if err := storage.TryCreateOnly(t.Context(), bucket, "trial"); test.want == nil && err != nil || test.want != nil && !errors.Is(err, test.want) && err != nil {
				t.Errorf("%s: got error %v, want %v", name, err, test.want)
			}
		}
		if test.want != nil && test.want != odd {
			if err := storage.TryCreateOnly(t.Context(), bucket, "trial"); !errors.Is(err, test.want) {
				t.Errorf("%s: got error %v, want %v", name, err, test.want)
			}
		}
		if left := storagetest.List(t, disk, ""); len(left) != test.left {
			t.Errorf("%s: left %v, want %d objects", name, left, test.left)
		}
	}
}

// TestTryCreateOnlyAway is no verdict on a store that could not be asked.
func TestTryCreateOnlyAway(t *testing.T) {
	storagetest.Faults(t, func(t *testing.T) storage.Bucket {
		disk, err := directory.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return disk
	}, func(t *testing.T, faulty *storagetest.Faulty, bucket storage.Bucket) {
		err := storage.TryCreateOnly(t.Context(), faulty, "trial")
		if errors.Is(err, storage.ErrOverwrites) || faulty.Met() && !errors.Is(err, storagetest.ErrFault) {
			t.Errorf("got error %v, want that of the test, and no verdict", err)
		}
		if err := storage.TryCreateOnly(t.Context(), bucket, "trial"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		if left := storagetest.List(t, bucket, ""); len(left) != 0 && !faulty.Met() {
			t.Errorf("left %v", left)
		}
	})
}
