package storagetest

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/etcdward/etcdward/storage"
)

// wantMissing checks that Open finds nothing under key.
func wantMissing(t *testing.T, bucket storage.Bucket, key string) {
	t.Helper()
	r, err := bucket.Open(t.Context(), storage.Object{Key: key})
	if err == nil {
		_ = r.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open %q: got error %v, want fs.ErrNotExist", key, err)
	}
}

func testOpenMissing(t *testing.T, bucket storage.Bucket) {
	Put(t, bucket, "folder/key", []byte("x"))
	for _, key := range []string{"missing", "missing/key", "folder", "folder/ke", "folder/key2"} {
		wantMissing(t, bucket, key)
	}
}

func testOpenVersion(t *testing.T, bucket storage.Bucket) {
	first := Put(t, bucket, "key", []byte("first"))
	if err := bucket.Delete(t.Context(), first); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	second := Put(t, bucket, "key", []byte("second"))
	if first.Version == "" {
		if second.Version != "" {
			t.Errorf("Put: got no version and then %q, want all or none", second.Version)
		}
		return
	}
	if first.Version == second.Version {
		t.Errorf("Put: two objects have the version %q", first.Version)
	}
	r, err := bucket.Open(t.Context(), first)
	if err == nil {
		_ = r.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a deleted version: got error %v, want fs.ErrNotExist", err)
	}
	if got := Read(t, bucket, second); !bytes.Equal(got, []byte("second")) {
		t.Errorf("Open of the second version: got %q", got)
	}
	// The first is gone: to delete it again must not touch the second.
	if err := bucket.Delete(t.Context(), first); err != nil {
		t.Errorf("Delete of a deleted version: %v", err)
	}
	wantContent(t, bucket, second, []byte("second"))
}
