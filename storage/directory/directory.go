// Package directory keeps objects as plain files below a folder, on a mounted
// network share for instance. It knows file systems, and nothing of what the
// files are for. It never touches what it did not write itself.
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
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
)

// Bucket is a folder as a storage.Bucket. It keeps no versions, so that Open does
// not look at that of an object, and Delete of any but "" finds nothing to remove.
// A symbolic link below the folder is no part of it.
//
// Between two calls it holds nothing open: a share can be unmounted, and a share that is mounted later is used.
type Bucket struct {
	path string
	// host begins the names of this host's unfinished files.
	host string
	// now is time.Now but in tests.
	now func() time.Time
	// rename is unix.Renameat2 but in tests.
	rename func(oldFolder int, oldName string, newFolder int, newName string, flags uint) error
	// link is unix.Linkat but in tests.
	link func(oldFolder int, oldName string, newFolder int, newName string, flags int) error
}

var (
	_ storage.Bucket  = (*Bucket)(nil)
	_ storage.Sweeper = (*Bucket)(nil)
)

// Open returns the folder at path as a bucket. storage.ErrAway, also of each call later, means that there is
// none. It is not made: where a share is not mounted, the backups would fill the
// disk of the host instead.
func Open(path string) (*Bucket, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("ask for the host name: %w", err)
	}
	b := &Bucket{path: path, host: hostPart(name), now: time.Now, rename: unix.Renameat2, link: unix.Linkat}
	v, err := b.enter()
	if err != nil {
		return nil, err
	}
	return b, v.leave()
}

// visit is one call's use of the folder.
type visit struct {
	*Bucket
	root *os.Root
	// owner of what is made; nil: whoever runs this.
	owner *owner
}

// enter opens whatever folder is at the path now.
func (b *Bucket) enter() (*visit, error) {
	root, err := os.OpenRoot(b.path)
	if err != nil {
		// Of something that is no folder it gives an error without a number.
		if info, bad := os.Stat(b.path); bad == nil && !info.IsDir() {
			err = unix.ENOTDIR
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open directory %s: %w", b.path, &storage.Cause{
			Says: storage.ErrAway.Error() + ": there is no such folder: mount it, or make it with: mkdir -p -m 0700 " + b.path,
			Try:  "mount the share; it is used from then on, without a restart. A folder of this host has to belong to the user etcdward",
			Kind: storage.ErrAway,
		})
	case err != nil:
		return nil, b.explain("open directory", b.path, err)
	}
	v := &visit{Bucket: b, root: root}
	if v.owner, err = ownerOf(root); err != nil {
		return nil, errors.Join(b.explain("open directory", b.path, err), root.Close())
	}
	return v, nil
}

// leave lets go of the folder.
func (v *visit) leave() error { return v.root.Close() }

// Delete implements storage.Bucket. The folders of the object stay.
func (b *Bucket) Delete(ctx context.Context, obj storage.Object) error {
	if err := storage.CheckKey(obj.Key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return b.explain("delete", obj.Key, err)
	}
	if obj.Version != "" {
		return nil
	}
	v, err := b.enter()
	if err != nil {
		return err
	}
	defer func() { _ = v.leave() }()
	folder, err := v.openFolder(path.Dir(obj.Key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return b.explain("delete", obj.Key, err)
	}
	defer folder.Close()
	switch _, err := statFile(folder, path.Base(obj.Key)); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return b.explain("delete", obj.Key, err)
	}
	err = unix.Unlinkat(int(folder.Fd()), path.Base(obj.Key), 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return b.explain("delete", obj.Key, err)
	}
	if err := syncFolder(folder); err != nil {
		return b.explain("delete", obj.Key, err)
	}
	return nil
}

// openFolder opens a folder below the root, "." for the root itself. A path that
// is none, or that leads over something else than folders, is fs.ErrNotExist.
func (v *visit) openFolder(name string) (*os.File, error) {
	if name != "." {
		for i := range name + "/" {
			if i < len(name) && name[i] != '/' {
				continue
			}
			switch info, err := v.root.Lstat(name[:i]); {
			case errors.Is(err, unix.ENOTDIR) || err == nil && !info.IsDir():
				return nil, fs.ErrNotExist
			case err != nil:
				return nil, err
			}
		}
	}
	return v.root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
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
	written := time.Unix(stat.Mtim.Unix()).UTC()
	return storage.Object{Key: key, Size: stat.Size, Tag: strconv.FormatInt(written.UnixNano(), 16), Stored: written}
}

// syncFolder syncs the names in a folder. Some network file systems cannot do that on
// request, and do not need to.
func syncFolder(folder *os.File) error {
	if err := folder.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
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
