package storagetest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/storage"
)

// kinds are the kinds of error that a provider tells apart.
var kinds = []error{storage.ErrSetup, storage.ErrDenied, storage.ErrKeys, storage.ErrAway, storage.ErrNotAStore, storage.ErrLocked, fs.ErrNotExist, fs.ErrExist}

// Refusal is what must become of a store's refusal.
type Refusal struct {
	// Says and Try are in the error and in its way out.
	Says, Try string
	// Kind is the only kind of error that it is; nil: it is of none.
	Kind error
	// Foreign are words that a person must not have to read.
	Foreign []string
}

// Check compares an error with the refusal. name tells which one it is.
func (r Refusal) Check(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: got no error", name)
		return
	}
	var hinted interface{ Hint() string }
	switch {
	case !strings.Contains(err.Error(), r.Says):
		t.Errorf("%s: got error %v, want %q", name, err, r.Says)
	case !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), r.Try):
		t.Errorf("%s: the error %v gives no way out with %q", name, err, r.Try)
	}
	for _, kind := range kinds {
		want := r.Kind != nil && errors.Is(r.Kind, kind)
		if errors.Is(err, kind) != want {
			t.Errorf("%s: the error is %q: %v, want %v", name, kind, !want, want)
		}
	}
	for _, word := range append([]string{"\n"}, r.Foreign...) {
		if strings.Contains(err.Error(), word) {
			t.Errorf("%s: %q has words of the library, or more than one line", name, err)
		}
	}
}

// ReadCut opens an object whose connections are cut and reads it. If ok, it must come whole all the same; otherwise its first bytes
// come, and an error. It returns what closing the reader gave.
func ReadCut(t *testing.T, bucket storage.Bucket, obj storage.Object, content []byte, ok bool) (closed error) {
	t.Helper()
	r, err := bucket.Open(t.Context(), obj)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if ok && (err != nil || !bytes.Equal(got, content)) {
		t.Errorf("read: got %d bytes and error %v, want all", len(got), err)
	}
	if !ok && (err == nil || !bytes.HasPrefix(content, got)) {
		t.Errorf("read: got %d bytes and error %v, want the first bytes and an error", len(got), err)
	}
	return r.Close()
}

// CloseAfter closes a bucket at the end of the test, and returns it.
func CloseAfter[B io.Closer](t *testing.T, bucket B) B {
	t.Helper()
	t.Cleanup(func() {
		if err := bucket.Close(); err != nil {
			t.Error(err)
		}
	})
	return bucket
}
