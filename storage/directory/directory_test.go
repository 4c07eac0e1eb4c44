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
