package directory

import (
	"os"
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
		bucket.rename = cannotRename
		return bucket
	})
}

// TestConformanceByClaim runs the suite as on a file system that cannot make links either.
func TestConformanceByClaim(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Bucket {
		bucket := open(t)
		poor(bucket, unix.EPERM)
		return bucket
	})
}

// poor makes a bucket find its file system to have neither exclusive renames nor links.
func poor(bucket *Bucket, refusal error) {
	bucket.rename, bucket.link = cannotRename, func(int, string, int, string, int) error { return refusal }
}

func cannotRename(int, string, int, string, uint) error { return unix.EINVAL }

// TestConformanceShare runs the suite on real shares, from one that can do all to one as poor as exFAT.
func TestConformanceShare(t *testing.T) {
	for name, flags := range map[string][]string{
		"whole": nil, "neither rename nor links": {"-no-exclusive-rename", "-no-link"},
	} {
		t.Run(name, func(t *testing.T) {
			share := storagetest.Mount(t, flags...)
			storagetest.Run(t, func(t *testing.T) storage.Bucket {
				folder, err := os.MkdirTemp(share.Path, "store-")
				if err != nil {
					t.Fatal(err)
				}
				bucket, err := Open(folder)
				if err != nil {
					t.Fatal(err)
				}
				return bucket
			})
		})
	}
}
