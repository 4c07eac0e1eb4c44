package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"

	"github.com/etcdward/etcdward/storage"
)

func testPut(t *testing.T, bucket storage.Bucket) {
	content := Content(10_000, 1)
	put := Put(t, bucket, "a/b/c.db", content)
	wantObject(t, put, "a/b/c.db", len(content))
	wantContent(t, bucket, put, content)

	listed := List(t, bucket, "")
	if len(listed) != 1 {
		t.Fatalf("List: got %v, want the one object that was put", listed)
	}
	wantObject(t, listed[0], "a/b/c.db", len(content))
	if listed[0].Version != put.Version {
		t.Errorf("List: got version %q, Put returned %q", listed[0].Version, put.Version)
	}
}

func testPutAgain(t *testing.T, bucket storage.Bucket) {
	content := Content(1000, 1)
	first := Put(t, bucket, "key", content)
	for name, other := range map[string][]byte{
		"of the same size": Content(1000, 2),
		"longer":           Content(1001, 1),
		"empty":            nil,
	} {
		if _, err := bucket.Put(t.Context(), Upload("key", other)); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Put of other bytes, %s: got error %v, want fs.ErrExist", name, err)
		}
	}
	again, err := bucket.Put(t.Context(), Upload("key", content))
	if err != nil {
		t.Fatalf("Put of the same bytes: %v", err)
	}
	if again.Version != first.Version || again.Size != first.Size || again.Key != first.Key {
		t.Errorf("Put of the same bytes: got %+v, want the object of the first Put, %+v", again, first)
	}
	wantContent(t, bucket, first, content)
	if listed := List(t, bucket, ""); len(listed) != 1 {
		t.Errorf("List: got %v, want one object", listed)
	}
}

func testPutAtOnce(t *testing.T, bucket storage.Bucket) {
	for round := range 4 {
		const writers = 8
		var (
			key     = fmt.Sprintf("round-%d", round)
			start   = make(chan struct{})
			objects [writers]storage.Object
			errs    [writers]error
			done    sync.WaitGroup
		)
		for i := range writers {
			done.Go(func() {
				up := Upload(key, Content(100_000, byte(i)))
				<-start
				objects[i], errs[i] = bucket.Put(t.Context(), up)
			})
		}
		close(start)
		done.Wait()

		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Errorf("Put %q: writers %d and %d both succeeded", key, winner, i)
			case err == nil:
				winner = i
			case !errors.Is(err, fs.ErrExist):
				t.Errorf("Put %q: writer %d: got error %v, want fs.ErrExist", key, i, err)
			}
		}
		if winner < 0 {
			t.Fatalf("Put %q: no writer succeeded: %v", key, errs)
		}
		wantContent(t, bucket, objects[winner], Content(100_000, byte(winner)))
		if listed := List(t, bucket, key); len(listed) != 1 {
			t.Errorf("List %q: got %v, want one object", key, listed)
		}
	}
}

func testPutMismatch(t *testing.T, bucket storage.Bucket) {
	for _, size := range []int{1, 5000, 9 << 20} {
		content := Content(size, 1)
		damaged := bytes.Clone(content)
		damaged[size-1]++

		hash := Upload("hash", content)
		hash.Body = bytes.NewReader(damaged)
		short := Upload("short", content)
		short.Body = bytes.NewReader(content[:size-1])
		long := Upload("long", content)
		long.Body = bytes.NewReader(append(content[:size:size], 'x'))
		negative := Upload("negative", content)
		negative.Size = -1

		for _, up := range []storage.Upload{hash, short, long, negative} {
			if _, err := bucket.Put(t.Context(), up); err == nil || errors.Is(err, fs.ErrExist) {
				t.Errorf("Put of %d bytes with a wrong body (%s): got error %v, want a refusal", size, up.Key, err)
			}
			wantNothing(t, bucket, up.Key)
		}
	}
}

func testPutEmpty(t *testing.T, bucket storage.Bucket) {
	put := Put(t, bucket, "empty", nil)
	wantObject(t, put, "empty", 0)
	wantContent(t, bucket, put, nil)
	listed := List(t, bucket, "")
	if len(listed) != 1 {
		t.Fatalf("List: got %v, want one object", listed)
	}
	wantObject(t, listed[0], "empty", 0)
}

func testPutLarge(t *testing.T, bucket storage.Bucket) {
	content := Content(20<<20, 1)
	put := Put(t, bucket, "large", content)
	wantObject(t, put, "large", len(content))
	wantContent(t, bucket, put, content)

	if again, err := bucket.Put(t.Context(), Upload("large", content)); err != nil || again.Version != put.Version {
		t.Errorf("Put of the same bytes: got version %q and error %v, want %q", again.Version, err, put.Version)
	}
	if _, err := bucket.Put(t.Context(), Upload("large", Content(20<<20, 2))); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Put of other bytes: got error %v, want fs.ErrExist", err)
	}
	wantContent(t, bucket, put, content)
}
