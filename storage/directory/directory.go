// Package directory keeps objects as plain files below a folder, on a mounted
// network share for instance. It knows file systems, and nothing of what the
// files are for; what it did not write itself it never touches.
//
// Its one invariant: a file under the name of a key is complete, on disk, and
// never written to again. Whatever is not finished yet bears another name.
package directory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
)

// Bucket is a folder as a storage.Bucket. It keeps no versions, so that Open does
// not look at that of an object, and Delete of any but "" finds nothing to remove.
// A symbolic link below the folder is no part of it.
type Bucket struct {
	path string
	root *os.Root
	// host begins the names of this host's unfinished files.
	host string
	// owner of what is made; nil: whoever runs this.
	owner *owner
	// now is time.Now but in tests.
	now func() time.Time
	// rename is unix.Renameat2 but in tests.
	rename func(oldFolder int, oldName string, newFolder int, newName string, flags uint) error
}

var (
	_ storage.Bucket  = (*Bucket)(nil)
	_ storage.Sweeper = (*Bucket)(nil)
	_ storage.Movable = (*Bucket)(nil)
)

// Open returns the folder at path as a bucket. fs.ErrNotExist means that there is
// none. It is not made: where a share is not mounted, the backups would fill the
// disk of the host instead.
func Open(path string) (*Bucket, error) {
	root, err := os.OpenRoot(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open directory %s: %w: mount it, or make it with: mkdir -p -m 0700 %[1]s", path, fs.ErrNotExist)
	case err != nil:
		return nil, explain("open directory", path, err)
	}
	name, err := os.Hostname()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask for the host name: %w", err), root.Close())
	}
	b := &Bucket{path: path, root: root, host: hostPart(name), now: time.Now, rename: unix.Renameat2}
	if b.owner, err = ownerOf(root); err != nil {
		return nil, errors.Join(explain("open directory", path, err), root.Close())
	}
	return b, nil
}

// Close lets go of the folder. The bucket is of no use afterwards.
func (b *Bucket) Close() error {
	return b.root.Close()
}

// Moved implements storage.Movable: a share that was mounted since covers the folder that was opened. While nothing lies at the path
// it is not.
func (b *Bucket) Moved() bool {
	there, err := os.Stat(b.path)
	if err != nil {
		return false
	}
	opened, err := b.root.Stat(".")
	return err == nil && !os.SameFile(there, opened)
}

// Delete implements storage.Bucket. The folders of the object stay.
func (b *Bucket) Delete(ctx context.Context, obj storage.Object) error {
	if err := storage.CheckKey(obj.Key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return explain("delete", obj.Key, err)
	}
	if obj.Version != "" {
		return nil
	}
	folder, err := b.openFolder(path.Dir(obj.Key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return explain("delete", obj.Key, err)
	}
	defer folder.Close()
	switch _, err := statFile(folder, path.Base(obj.Key)); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return explain("delete", obj.Key, err)
	}
	err = unix.Unlinkat(int(folder.Fd()), path.Base(obj.Key), 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain("delete", obj.Key, err)
	}
	if err := syncFolder(folder); err != nil {
		return explain("delete", obj.Key, err)
	}
	return nil
}

// openFolder opens a folder below the root, "." for the root itself. A path that
// is none, or that leads over something else than folders, is fs.ErrNotExist.
func (b *Bucket) openFolder(name string) (*os.File, error) {
	if name != "." {
		for i := range name + "/" {
			if i < len(name) && name[i] != '/' {
				continue
			}
			switch info, err := b.root.Lstat(name[:i]); {
			case errors.Is(err, unix.ENOTDIR) || err == nil && !info.IsDir():
				return nil, fs.ErrNotExist
			case err != nil:
				return nil, err
			}
		}
	}
	return b.root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
}

// statFile looks at a name in a folder. What is not a regular file is no object:
// fs.ErrNotExist.
func statFile(folder *os.File, name string) (unix.Stat_t, error) {
	var stat unix.Stat_t
	if err := unix.Fstatat(int(folder.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return stat, err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return stat, fs.ErrNotExist
	}
	return stat, nil
}

// object describes the file of a key.
func object(key string, stat unix.Stat_t) storage.Object {
	return storage.Object{Key: key, Size: stat.Size, Stored: time.Unix(stat.Mtim.Unix()).UTC()}
}

// syncFolder makes the names in a folder last. Some network file systems cannot
// be asked to, and need not be.
func syncFolder(folder *os.File) error {
	if err := folder.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// explain puts an error of the file system into the words of package storage.
func explain(verb, key string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // our own verb and key say more
	}
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return fmt.Errorf("%s %s: %w: %w", verb, key, storage.ErrDenied, err)
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%s %s: the file system of the store is full: %w", verb, key, err)
	}
	return fmt.Errorf("%s %s: %w", verb, key, err)
}

// hostPart makes a host name fit for the name of a file.
func hostPart(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r < ' ' {
			return '_'
		}
		return r
	}, name)
}
