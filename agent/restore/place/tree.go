package place

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SyncPath makes a file, or the names in a folder, survive the loss of power.
func SyncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// SyncTree syncs everything below a folder, and the folder.
func SyncTree(ctx context.Context, root string) error {
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return SyncPath(path)
	})
	if err == nil {
		err = SyncPath(filepath.Dir(root))
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", root, err)
	}
	return nil
}

// CopyTree copies folders and files; to must not exist. Nothing is synced: the copy is for reading once.
func CopyTree(ctx context.Context, from, to string, progress func(done, total int64), total int64) error {
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
		// A file system that knows no holes says that all is content.
		if next, err := unix.Seek(int(in.Fd()), size, unix.SEEK_DATA); err == nil {
			size = next
		} else if errors.Is(err, unix.ENXIO) {
			size, err = in.Seek(0, io.SeekEnd)
			return errors.Join(err, out.Truncate(size))
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
