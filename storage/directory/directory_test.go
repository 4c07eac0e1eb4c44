package directory

import (
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestMain(m *testing.M) {
	if isChild() {
		child()
	}
	goleak.VerifyTestMain(m)
}

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Bucket { return open(t) })
}

// TestConformanceByLink runs the suite as on a file system that cannot rename
// without replacing.
func TestConformanceByLink(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Bucket {
		bucket := open(t)
		bucket.rename = func(int, string, int, string, uint) error { return unix.EINVAL }
		return bucket
	})
}

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
		if err := bucket.Close(); err != nil {
			t.Error(err)
		}
	})
	return bucket
}
