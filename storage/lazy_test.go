package storage_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/storage/storagetest"
)

var errAway = errors.New("away")

// everything calls each method once, and gives their errors by name.
func everything(ctx context.Context, lazy *storage.Lazy) map[string]error {
	obj := storage.Object{Key: "key"}
	errs := map[string]error{"Delete": lazy.Delete(ctx, obj), "DeleteAll": errors.Join(lazy.DeleteAll(ctx, []storage.Object{obj, obj})...)}
	_, errs["Opened"] = lazy.Opened(ctx)
	_, errs["Put"] = lazy.Put(ctx, storagetest.Upload("key", nil))
	r, err := lazy.Open(ctx, obj)
	if errs["Open"] = err; err == nil {
		errs["Open"] = r.Close()
	}
	errs["List"], errs["ListAt"] = last(lazy.List(ctx, "")), last(lazy.ListAt(ctx, "", time.Now()))
	_, errs["Tidy"] = lazy.Tidy(ctx, "", func(string) bool { return true })
	_, errs["Sweep"] = lazy.Sweep(ctx, "")
	_, errs["Inspect"] = lazy.Inspect(ctx)
	return errs
}

func last(listing iter.Seq2[storage.Object, error]) (last error) {
	for _, err := range listing {
		last = err
	}
	return last
}

// TestLazyAway has a store that is away when it is first used, and then is back.
func TestLazyAway(t *testing.T) {
	folder, opened, away := t.TempDir(), 0, true
	lazy := storage.NewLazy(func(context.Context) (storage.Bucket, error) {
		opened++
		if away {
			return nil, errAway
		}
		return directory.Open(folder)
	})
	if err := lazy.Close(); err != nil || opened != 0 {
		t.Errorf("Close of a bucket that was never used: error %v, opened %d times", err, opened)
	}
	errs := everything(t.Context(), lazy)
	for method, err := range errs {
		if !errors.Is(err, errAway) {
			t.Errorf("%s while the store is away: got error %v", method, err)
		}
	}
	if opened != len(errs) {
		t.Errorf("it was tried %d times to open it, want once for each of %d calls", opened, len(errs))
	}
	away, opened = false, 0
	for method, err := range everything(t.Context(), lazy) {
		if err != nil && (method != "ListAt" || !errors.Is(err, errors.ErrUnsupported)) {
			t.Errorf("%s once it is back: %v", method, err)
		}
	}
	if opened != 1 {
		t.Errorf("it was opened %d times, want once for all", opened)
	}
	content := []byte("through to the folder and back")
	put := storagetest.Put(t, lazy, "folder/key", content)
	if got := storagetest.Read(t, lazy, put); !bytes.Equal(got, content) {
		t.Errorf("Open: got %q", got)
	}
	if listed := storagetest.List(t, lazy, "folder/"); len(listed) != 1 || listed[0].Key != put.Key {
		t.Errorf("List: got %v", listed)
	}
	if err := lazy.Delete(t.Context(), put); err != nil || len(storagetest.List(t, lazy, "folder/")) != 0 {
		t.Errorf("Delete: error %v, or it is still there", err)
	}
	if err := errors.Join(lazy.Close(), lazy.Close()); err != nil {
		t.Errorf("Close twice: %v", err)
	}
	if _, err := lazy.Put(t.Context(), storagetest.Upload("again", nil)); err != nil || opened != 2 {
		t.Errorf("Put after Close: error %v, opened %d times", err, opened)
	}
	if err := lazy.Close(); err != nil {
		t.Error(err)
	}
}

// TestLazyAtOnce holds that many callers open it once.
func TestLazyAtOnce(t *testing.T) {
	var opened atomic.Int64
	lazy := storage.NewLazy(func(context.Context) (storage.Bucket, error) {
		opened.Add(1)
		return &full{}, nil
	})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := lazy.Inspect(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if opened.Load() != 1 {
		t.Errorf("opened %d times", opened.Load())
	}
}

// full is a bucket that has everything that is optional.
type full struct {
	storage.Bucket
	asked []string
}

func (f *full) DeleteAll(_ context.Context, objects []storage.Object) []error {
	f.asked = append(f.asked, "DeleteAll")
	return make([]error, len(objects))
}

func (f *full) ListAt(_ context.Context, prefix string, at time.Time) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		f.asked = append(f.asked, "ListAt")
		yield(storage.Object{Key: prefix, Stored: at}, nil)
	}
}

func (f *full) Tidy(_ context.Context, prefix string, keep func(string) bool) (int, error) {
	f.asked = append(f.asked, "Tidy "+prefix)
	if keep("k") {
		return 7, nil
	}
	return 0, nil
}

func (f *full) Sweep(_ context.Context, prefix string) (int, error) {
	f.asked = append(f.asked, "Sweep "+prefix)
	return 8, nil
}

func (f *full) Inspect(context.Context) (storage.Properties, error) {
	return storage.Properties{Lock: storage.Property{State: storage.On}}, nil
}

func (f *full) Close() error { return errAway }

// TestLazyPassesOn holds that what a bucket can do beyond the interface is not lost.
func TestLazyPassesOn(t *testing.T) {
	bucket := &full{}
	lazy := storage.NewLazy(func(context.Context) (storage.Bucket, error) { return bucket, nil })
	at := time.Unix(1, 0)
	for obj, err := range lazy.ListAt(t.Context(), "p", at) {
		if err != nil || obj.Key != "p" || !obj.Stored.Equal(at) {
			t.Errorf("ListAt: got %v, error %v", obj, err)
		}
	}
	tidied, err := lazy.Tidy(t.Context(), "p", func(key string) bool { return key == "k" })
	swept, sweep := lazy.Sweep(t.Context(), "q")
	properties, inspect := lazy.Inspect(t.Context())
	if err := errors.Join(err, sweep, inspect); err != nil || tidied != 7 || swept != 8 || properties.Lock.State != storage.On {
		t.Errorf("got tidied %d, swept %d, %+v, error %v", tidied, swept, properties, err)
	}
	if errs := lazy.DeleteAll(t.Context(), make([]storage.Object, 3)); len(errs) != 3 {
		t.Errorf("DeleteAll: got %v", errs)
	}
	for i, want := range []string{"ListAt", "Tidy p", "Sweep q", "DeleteAll"} {
		if len(bucket.asked) != 4 || bucket.asked[i] != want {
			t.Fatalf("the bucket was asked for %q", bucket.asked)
		}
	}
	if err := lazy.Close(); !errors.Is(err, errAway) {
		t.Errorf("Close: got error %v, want the bucket's", err)
	}
}
