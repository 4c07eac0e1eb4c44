package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
)

// Content returns size bytes that do not compress, the same ones for the same
// size and seed.
func Content(size int, seed byte) []byte {
	content := make([]byte, size)
	random := rand.NewChaCha8([32]byte{seed})
	_, _ = random.Read(content) // never fails
	return content
}

// Upload returns the upload of content to key.
func Upload(key string, content []byte) storage.Upload {
	return storage.Upload{
		Key:    key,
		Body:   bytes.NewReader(content),
		Size:   int64(len(content)),
		SHA256: sha256.Sum256(content),
	}
}

// Put stores content, or ends the test.
func Put(t *testing.T, bucket storage.Bucket, key string, content []byte) storage.Object {
	t.Helper()
	obj, err := bucket.Put(t.Context(), Upload(key, content))
	if err != nil {
		t.Fatalf("Put %q: %v", key, err)
	}
	return obj
}

// Read returns the content of an object, or ends the test.
func Read(t *testing.T, bucket storage.Bucket, obj storage.Object) []byte {
	t.Helper()
	r, err := bucket.Open(t.Context(), obj)
	if err != nil {
		t.Fatalf("Open %q: %v", obj.Key, err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %q: %v", obj.Key, err)
	}
	if err := r.Close(); err != nil {
		t.Fatalf("close %q: %v", obj.Key, err)
	}
	return content
}

// List returns the objects below prefix, or ends the test.
func List(t *testing.T, bucket storage.Bucket, prefix string) []storage.Object {
	t.Helper()
	var objects []storage.Object
	for obj, err := range bucket.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("List %q: %v", prefix, err)
		}
		objects = append(objects, obj)
	}
	return objects
}

// wantContent checks what key holds, read without and with the version.
func wantContent(t *testing.T, bucket storage.Bucket, obj storage.Object, want []byte) {
	t.Helper()
	for _, o := range []storage.Object{{Key: obj.Key}, obj} {
		if got := Read(t, bucket, o); !bytes.Equal(got, want) {
			t.Errorf("Open %q version %q: got %d bytes, not the %d that were put", o.Key, o.Version, len(got), len(want))
		}
	}
}

// wantNothing checks that key is not visible.
func wantNothing(t *testing.T, bucket storage.Bucket, key string) {
	t.Helper()
	if r, err := bucket.Open(t.Context(), storage.Object{Key: key}); err == nil {
		_ = r.Close()
		t.Errorf("Open %q: got an object, want none", key)
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open %q: got error %v, want fs.ErrNotExist", key, err)
	}
	if objects := List(t, bucket, key); len(objects) > 0 {
		t.Errorf("List %q: got %v, want nothing", key, objects)
	}
}

// wantObject checks what Put or List said of an object.
func wantObject(t *testing.T, obj storage.Object, key string, size int) {
	t.Helper()
	if obj.Key != key || obj.Size != int64(size) {
		t.Errorf("got object %q of %d bytes, want %q of %d", obj.Key, obj.Size, key, size)
	}
	if age := time.Since(obj.Stored); age < -time.Minute || age > time.Minute {
		t.Errorf("object %q: stored at %v, which is %v ago, want about now", obj.Key, obj.Stored, age)
	}
	if obj.Stored.Location() != time.UTC {
		t.Errorf("object %q: stored at %v, want UTC", obj.Key, obj.Stored)
	}
}

// empty removes what a test left behind: a real bucket would keep it.
func empty(t *testing.T, bucket storage.Bucket) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	var objects []storage.Object
	for obj, err := range bucket.List(ctx, "") {
		if err != nil {
			t.Errorf("list what the test left: %v", err)
			return
		}
		objects = append(objects, obj)
	}
	for i, err := range storage.DeleteAll(ctx, bucket, objects) {
		if err != nil {
			t.Errorf("remove what the test left at %q: %v", objects[i].Key, err)
		}
	}
}
