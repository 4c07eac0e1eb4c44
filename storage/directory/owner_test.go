package directory

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/etcdward/etcdward/storage/storagetest"
)

// TestOwner holds that what root writes is the folder's owner's, who prunes it later.
func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: files that root writes: run as root")
	}
	const uid, gid = 4711, 4712
	dir := t.TempDir()
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	bucket, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	storagetest.Put(t, bucket, "v1/prod/snapshots/one.json", []byte("x"))
	seen := 0
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != uid || stat.Gid != gid {
			t.Errorf("%s is %d:%d's", path, stat.Uid, stat.Gid)
		}
		seen++
		return nil
	})
	if err != nil || seen != 5 {
		t.Errorf("%d files and folders, %v", seen, err)
	}
}
