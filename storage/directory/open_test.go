package directory

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// open returns an empty bucket. At the end of the test it must hold no partial file.
func open(t *testing.T) *Bucket {
	t.Helper()
	bucket, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, name := range partials(t, bucket) {
			t.Errorf("the partial file %s was left", name)
		}
	})
	return bucket
}

// TestMountedMeanwhile: a share that is mounted over the folder is what is used from then on, one that is not in use can be unmounted,
// and while nothing lies there the store is away.
func TestMountedMeanwhile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: a share mounted meanwhile: run as root")
	}
	place := filepath.Join(t.TempDir(), "place")
	if err := os.Mkdir(place, 0o700); err != nil {
		t.Fatal(err)
	}
	bucket, err := Open(place)
	if err != nil {
		t.Fatal(err)
	}
	put := func(key string) {
		t.Helper()
		if _, err := bucket.Put(t.Context(), storagetest.Upload(key, nil)); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(want string) {
		t.Helper()
		var got string
		for obj, err := range bucket.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			r, err := bucket.Open(t.Context(), obj)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, r); errors.Join(err, r.Close()) != nil {
				t.Error(err)
			}
			got += obj.Key + " "
		}
		if _, err := bucket.Sweep(t.Context(), ""); err != nil || got != want {
			t.Errorf("it holds %q, want %q; %v", got, want, err)
		}
	}
	put("bare")
	if err := unix.Mount("none", place, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	put("share")
	holds("share ")
	if err := unix.Unmount(place, 0); err != nil { // busy, where anything of it were held open
		_ = unix.Unmount(place, unix.MNT_DETACH)
		t.Fatal(err)
	}
	holds("bare ")
	if err := os.RemoveAll(place); err != nil {
		t.Fatal(err)
	}
	_, putErr := bucket.Put(t.Context(), storagetest.Upload("key", nil))
	_, openErr := bucket.Open(t.Context(), storage.Object{Key: "bare"})
	_, sweepErr := bucket.Sweep(t.Context(), "")
	var listErr error
	for _, listErr = range bucket.List(t.Context(), "") {
	}
	for verb, err := range map[string]error{"put": putErr, "open": openErr, "sweep": sweepErr, "list": listErr, "delete": bucket.Delete(t.Context(), storage.Object{Key: "bare"})} {
		if !errors.Is(err, storage.ErrAway) {
			t.Errorf("%s, with no folder there: got %v", verb, err)
		}
	}
}
