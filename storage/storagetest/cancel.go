package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
)

// promptly is how soon, in seconds, a method returns whose context has ended.
const promptly = 5 * time.Second

// wantCanceled checks that call returns context.Canceled before long.
func wantCanceled(t *testing.T, what string, call func() error) {
	t.Helper()
	begin := time.Now()
	if err := call(); !errors.Is(err, context.Canceled) {
		t.Errorf("%s: got error %v, want context.Canceled", what, err)
	}
	if took := time.Since(begin); took > promptly {
		t.Errorf("%s: returned after %v, want promptly", what, took)
	}
}

func testCancelledBefore(t *testing.T, bucket storage.Bucket) {
	Put(t, bucket, "key", []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCanceled(t, "Put", func() error {
		_, err := bucket.Put(ctx, Upload("new", []byte("x")))
		return err
	})
	wantNothing(t, bucket, "new")
	wantCanceled(t, "Open", func() error {
		r, err := bucket.Open(ctx, storage.Object{Key: "key"})
		if err == nil {
			_ = r.Close()
		}
		return err
	})
	wantCanceled(t, "List", func() error { return listError(ctx, bucket) })
	wantCanceled(t, "Delete", func() error { return bucket.Delete(ctx, storage.Object{Key: "key"}) })
	wantCanceled(t, "DeleteAll", func() error {
		return storage.DeleteAll(ctx, bucket, []storage.Object{{Key: "key"}})[0]
	})
	wantContent(t, bucket, storage.Object{Key: "key"}, []byte("x"))
}

func listError(ctx context.Context, bucket storage.Bucket) error {
	for obj, err := range bucket.List(ctx, "") {
		if err != nil {
			if obj != (storage.Object{}) {
				return fmt.Errorf("object %v beside the error %w", obj, err)
			}
			return err
		}
	}
	return nil
}

// cancellingBody cancels on the read with the number at.
type cancellingBody struct {
	io.ReaderAt
	reads  atomic.Int64
	at     int64
	cancel context.CancelFunc
}

func (b *cancellingBody) ReadAt(p []byte, offset int64) (int, error) {
	if b.reads.Add(1) == b.at {
		b.cancel()
	}
	return b.ReaderAt.ReadAt(p, offset)
}

func testCancelledDuringPut(t *testing.T, bucket storage.Bucket) {
	content := Content(12<<20, 1)
	for at := int64(1); ; at *= 3 {
		ctx, cancel := context.WithCancel(t.Context())
		up := Upload(fmt.Sprintf("cancelled-%d", at), content)
		body := &cancellingBody{ReaderAt: up.Body, at: at, cancel: cancel}
		up.Body = body
		_, err := bucket.Put(ctx, up)
		cancel()
		if body.reads.Load() < at {
			if err != nil {
				t.Errorf("Put: %v", err)
			}
			return // every read has been tried
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Put, cancelled at read %d: got error %v, want context.Canceled", at, err)
		}
		if at == 1 && err == nil {
			t.Error("Put, cancelled at its first read: got no error")
		}
		switch found := List(t, bucket, up.Key); {
		case len(found) > 0 && at > 1: // only the reply was lost
			wantContent(t, bucket, found[0], content)
		case len(found) > 0 || err == nil:
			t.Errorf("Put, cancelled at read %d: got error %v and %d objects", at, err, len(found))
		}
	}
}

func testCancelledDuringOpen(t *testing.T, bucket storage.Bucket) {
	Put(t, bucket, "key", Content(20<<20, 1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := bucket.Open(ctx, storage.Object{Key: "key"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	wantCanceled(t, "read", func() error {
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func testCancelledDuringList(t *testing.T, bucket storage.Bucket) {
	for i := range 5 {
		Put(t, bucket, fmt.Sprint(i), nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range bucket.List(ctx, "") {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("List, cancelled at its first object: got error %v at its end, want context.Canceled", last)
	}
}
