package restore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// syncPath makes a file, or the names in a folder, survive the loss of power.
func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// syncTree syncs everything below a folder, and the folder.
func syncTree(ctx context.Context, root string) error {
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return syncPath(path)
	})
	if err == nil {
		err = syncPath(filepath.Dir(root))
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", root, err)
	}
	return nil
}

// copyTree copies folders and files; to must not exist. Nothing is synced: the copy is for reading once.
func copyTree(ctx context.Context, from, to string, progress func(done, total int64), total int64) error {
	done := int64(0)
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Mkdir(filepath.Join(to, rel), 0o700)
		}
		return copyFile(ctx, path, filepath.Join(to, rel), func(n int64) {
			done += n
			progress(min(done, total), total)
		})
	})
	if err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}

// block is how much is copied at once.
const block = 256 << 10

// copyFile copies a file, and leaves holes where it has zeros: a write-ahead log is made 64 MB long, and is almost empty.
func copyFile(ctx context.Context, from, to string, copied func(int64)) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	buffer, zeros, size := make([]byte, block), make([]byte, block), int64(0)
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := io.ReadFull(in, buffer)
		if n > 0 && !bytes.Equal(buffer[:n], zeros[:n]) {
			if _, err := out.WriteAt(buffer[:n], size); err != nil {
				return err
			}
			copied(int64(n))
		}
		size += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return out.Truncate(size)
		}
		if err != nil {
			return err
		}
	}
}

// label is the extended attribute that SELinux goes by.
const label = "security.selinux"

// likeness is what a new directory takes over from the one it replaces.
type likeness struct {
	uid, gid int
	mode     os.FileMode
	label    []byte // nil: the host has none
}

// likenessOf reads it. Where there is no directory, that of the nearest thing: root's own, 0700.
func likenessOf(path string) (likeness, error) {
	var st syscall.Stat_t
	err := syscall.Stat(path, &st)
	if errors.Is(err, fs.ErrNotExist) {
		return likeness{uid: os.Geteuid(), gid: os.Getegid(), mode: 0o700}, nil
	}
	if err != nil {
		return likeness{}, fmt.Errorf("look at %s: %w", path, err)
	}
	l := likeness{uid: int(st.Uid), gid: int(st.Gid), mode: os.FileMode(st.Mode & 0o777)}
	text := make([]byte, 1024)
	n, err := unix.Getxattr(path, label, text)
	switch {
	case err == nil:
		l.label = text[:n]
	case !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP):
		return l, fmt.Errorf("read the security label of %s: %w", path, err)
	}
	return l, nil
}

// dress gives a tree the owner and the label; the folder itself the mode as well.
func dress(root string, like likeness) error {
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && (like.uid != os.Geteuid() || like.gid != os.Getegid()) {
			err = os.Lchown(path, like.uid, like.gid)
		}
		if err == nil && like.label != nil {
			err = unix.Lsetxattr(path, label, like.label, 0)
		}
		return err
	})
	if err == nil {
		err = os.Chmod(root, like.mode)
	}
	if err != nil {
		return fmt.Errorf("give %s its owner: %w", root, err)
	}
	return nil
}
