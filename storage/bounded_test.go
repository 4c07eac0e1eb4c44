package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// stuck is a bucket that obeys no context while its gate is closed.
type stuck struct {
	gate chan struct{}
	// closed counts the readers that were closed.
	closed int
}

func (s *stuck) Put(context.Context, storage.Upload) (storage.Object, error) {
	<-s.gate
	return storage.Object{Key: "done"}, nil
}

func (s *stuck) Open(context.Context, storage.Object) (io.ReadCloser, error) {
	<-s.gate
	return &stuckReader{s}, nil
}

func (s *stuck) List(context.Context, string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if yield(storage.Object{Key: "first"}, nil) {
			<-s.gate
			yield(storage.Object{Key: "second"}, nil)
		}
	}
}

func (s *stuck) ListAt(ctx context.Context, prefix string, _ time.Time) iter.Seq2[storage.Object, error] {
	return s.List(ctx, prefix)
}

func (s *stuck) Delete(context.Context, storage.Object) error { <-s.gate; return nil }

func (s *stuck) Sweep(context.Context, string) (int, error) { <-s.gate; return 1, nil }

func (s *stuck) Inspect(context.Context) (storage.Properties, error) {
	<-s.gate
	return storage.Properties{}, nil
}

func (s *stuck) Tidy(_ context.Context, _ string, keep func(string) bool) (int, error) {
	<-s.gate
	if !keep("key") {
		return 1, nil
	}
	return 0, nil
}

type stuckReader struct{ *stuck }

func (r *stuckReader) Read(p []byte) (int, error) { <-r.gate; return copy(p, "late"), io.EOF }
func (r *stuckReader) Close() error               { r.closed++; return nil }

// boundedCalls are all calls of a bounded bucket, each with how it is named.
func boundedCalls(b *storage.Bounded) map[string]func(context.Context) error {
	obj := storage.Object{Key: "key"}
	return map[string]func(context.Context) error{
		"put key": func(ctx context.Context) error {
			_, err := b.Put(ctx, storagetest.Upload("key", []byte("x")))
			return err
		},
		"open key":   func(ctx context.Context) error { return readAll(b.Open(ctx, obj)) },
		"list v1/":   func(ctx context.Context) error { return last(b.List(ctx, "v1/")) },
		"list v2/":   func(ctx context.Context) error { return last(b.ListAt(ctx, "v2/", time.Now())) },
		"delete key": func(ctx context.Context) error { return b.Delete(ctx, obj) },
		"delete 2 objects": func(ctx context.Context) error {
			errs := b.DeleteAll(ctx, []storage.Object{obj, obj})
			if len(errs) != 2 || (errs[0] == nil) != (errs[1] == nil) {
				return errors.New("not one error for each")
			}
			return errs[0]
		},
		"sweep v1/": func(ctx context.Context) error { _, err := b.Sweep(ctx, "v1/"); return err },
		"tidy v1/": func(ctx context.Context) error {
			_, err := b.Tidy(ctx, "v1/", func(string) bool { return false })
			return err
		},
		"inspect": func(ctx context.Context) error { _, err := b.Inspect(ctx); return err },
	}
}

func readAll(r io.ReadCloser, err error) error {
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}

// TestBoundedLeavesBehind has every call hang, and come back an hour later.
func TestBoundedLeavesBehind(t *testing.T) {
	for name := range boundedCalls(nil) {
		synctest.Test(t, func(t *testing.T) {
			bucket := &stuck{gate: make(chan struct{})}
			bounded := storage.NewBounded(bucket)
			begin := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err := boundedCalls(bounded)[name](ctx)
			if took := time.Since(begin); took < 10*time.Second || took > 15*time.Second {
				t.Errorf("%s: took %v, want its 10 s and a little", name, took)
			}
			if !errors.Is(err, storage.ErrAway) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), name+": the store hangs") {
				t.Errorf("%s: got error %v, want that it was left behind", name, err)
			}
			if prisoner, ok := bounded.Prisoner(); !ok || prisoner.Call != name || !prisoner.Since.Equal(begin) {
				t.Errorf("%s: the prisoner is %v", name, prisoner)
			}
			now := time.Now()
			for other, call := range boundedCalls(bounded) {
				err := call(t.Context())
				if !errors.Is(err, storage.ErrBusy) || !strings.Contains(err.Error(), "still busy with the call of 2000-01-01T00:00:00Z ("+name+")") {
					t.Errorf("%s after %s: got error %v, want ErrBusy", other, name, err)
				}
			}
			if time.Since(now) != 0 {
				t.Errorf("calls of a store that hangs took %v", time.Since(now))
			}
			time.Sleep(time.Hour)
			close(bucket.gate)
			synctest.Wait()
			if _, ok := bounded.Prisoner(); ok {
				t.Errorf("%s: it came back, and is a prisoner still", name)
			}
			if name == "open key" && bucket.closed != 1 {
				t.Errorf("the reader that came too late was closed %d times", bucket.closed)
			}
			for other, call := range boundedCalls(bounded) {
				if err := call(t.Context()); err != nil {
					t.Errorf("%s once the store is back: %v", other, err)
				}
			}
		})
	}
}

// TestBoundedReader leaves a reading behind, and closes what it read from when it comes back.
func TestBoundedReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &stuck{gate: make(chan struct{}, 1)}
		bounded := storage.NewBounded(bucket)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		bucket.gate <- struct{}{}
		r, err := bounded.Open(ctx, storage.Object{Key: "key"})
		if err != nil {
			t.Fatal(err)
		}
		buffer := []byte("----")
		for range 2 {
			if n, err := r.Read(buffer); n != 0 || !errors.Is(err, storage.ErrAway) || !strings.Contains(err.Error(), "read key") {
				t.Errorf("Read: got %d bytes and error %v, want that it was left behind", n, err)
			}
		}
		if err := r.Close(); err != nil || bucket.closed != 0 {
			t.Errorf("Close: error %v; closed %d times under the reading", err, bucket.closed)
		}
		close(bucket.gate)
		synctest.Wait()
		if string(buffer) != "----" || bucket.closed != 1 {
			t.Errorf("after it came back the buffer is %q, and the reader was closed %d times", buffer, bucket.closed)
		}
	})
}

// TestBoundedCooperative gives the error of a bucket that obeys its context.
func TestBoundedCooperative(t *testing.T) {
	disk, err := directory.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bounded := storage.NewBounded(disk)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range boundedCalls(bounded) {
		if name == "inspect" || name == "tidy v1/" || name == "list v2/" {
			continue // a directory has none of these
		}
		if err := call(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, storage.ErrAway) {
			t.Errorf("%s: got error %v, want that of the bucket", name, err)
		}
	}
	if prisoner, ok := bounded.Prisoner(); ok {
		t.Errorf("the prisoner is %v", prisoner)
	}
}

func TestBoundedConformance(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Bucket {
		disk, err := directory.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return bucketAlone{storage.NewBounded(disk)}
	})
}

// bucketAlone hides what a directory has not: a past.
type bucketAlone struct{ storage.Bucket }

// TestHungShare stops the server of a real share in the middle of every call: of none is the end waited for, and all work again once
// it goes on.
func TestHungShare(t *testing.T) {
	share := storagetest.Mount(t)
	for _, name := range []string{"put key", "open key", "list v1/", "delete key", "delete 2 objects", "sweep v1/"} {
		bounded := storage.NewBounded(storage.NewLazy(func(context.Context) (storage.Bucket, error) { return directory.Open(share.Path) }))
		content := storagetest.Content(1<<20, 1)
		storagetest.Put(t, bounded, "v1/there", content)
		r, err := bounded.Open(t.Context(), storage.Object{Key: "v1/there"})
		if err != nil {
			t.Fatal(err)
		}
		share.Hang(t)
		wantLeft(t, name, boundedCalls(bounded)[name])
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, storage.ErrBusy) {
			t.Errorf("Read while %s hangs: got error %v, want ErrBusy", name, err)
		}
		if err := bounded.Close(); err != nil {
			t.Errorf("Close while %s hangs: %v", name, err)
		}
		share.Resume(t)
		awaitFree(t, bounded)
		if got := storagetest.Read(t, bounded, storage.Object{Key: "v1/there"}); !bytes.Equal(got, content) {
			t.Errorf("after %s: read %d bytes, not those that were put", name, len(got))
		}
		if err := errors.Join(r.Close(), bounded.Delete(t.Context(), storage.Object{Key: "v1/there"})); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

// TestHungShareReader stops the server of a real share under a file that is being read, and under a bucket that is being opened.
func TestHungShareReader(t *testing.T) {
	share := storagetest.Mount(t)
	lazy := func() *storage.Bounded {
		return storage.NewBounded(storage.NewLazy(func(context.Context) (storage.Bucket, error) { return directory.Open(share.Path) }))
	}
	bounded, fresh := lazy(), lazy()
	disk, err := directory.Open(share.Disk) // what went through the share could be read from the kernel's memory
	if err != nil {
		t.Fatal(err)
	}
	storagetest.Put(t, disk, "key", storagetest.Content(8<<20, 1))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	r, err := bounded.Open(ctx, storage.Object{Key: "key"})
	if err != nil {
		t.Fatal(err)
	}
	share.Hang(t)
	wantLeft(t, "read key", func(context.Context) error { _, err := io.Copy(io.Discard, r); return err })
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	wantLeft(t, "put key", boundedCalls(fresh)["put key"])
	share.Resume(t)
	awaitFree(t, bounded)
	awaitFree(t, fresh)
	storagetest.Put(t, fresh, "other", nil)
}

// wantLeft makes a call that hangs, and wants it left behind soon after its context has ended.
func wantLeft(t *testing.T, name string, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := call(ctx); !errors.Is(err, storage.ErrAway) || errors.Is(err, storage.ErrBusy) || !strings.Contains(err.Error(), "the store hangs") {
		t.Errorf("%s on a share that hangs: got error %v, want that it was left behind", name, err)
	}
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("%s on a share that hangs: took %v", name, took)
	}
}

// awaitFree waits until a bucket has no prisoner.
func awaitFree(t *testing.T, bounded *storage.Bounded) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		if _, ok := bounded.Prisoner(); !ok {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatal("the store is back, and its call is not")
		}
	}
}
