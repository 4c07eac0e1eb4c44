// Package staging keeps unfinished files. Each belongs to the process that has it open, and what a crash
// leaves behind is swept. The package does not know what the files hold.
//
// Its one invariant: a file is locked for as long as the process that made it lives, so that a sweep can tell
// a leftover from the work of another process on the same host.
package staging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNoSpace means that the disk cannot hold what is about to be written. Nothing was written.
var ErrNoSpace = errors.New("not enough free space")

// Reserve is how many bytes must stay free on the disk of an area, whoever fills it.
const Reserve = 16 << 20

// Area is a folder for unfinished files.
type Area struct {
	path  string
	owner *owner
}

// owner is the owner of the folder, set only if this process may give files away.
type owner struct{ uid, gid int }

// In opens a folder that already exists and belongs to somebody. Files made there keep this process's user as their
// owner. In creates nothing if the folder does not exist.
func In(path string) (*Area, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("staging: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("staging: %s is no folder", path)
	}
	return &Area{path: path}, nil
}

// Open makes the folder, 0700, if there is none. If root runs it, the folder and every file that Create makes
// in it are given to the owner of the parent folder. An existing folder of root's stays root's, and so do its
// files.
func Open(path string) (*Area, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("staging: %w", err)
	}
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("staging: %w", err)
	}
	made := err == nil
	folder, parent, err := folders(path)
	if err != nil {
		return nil, err
	}
	a := &Area{path: path}
	// The daemon's own user must be able to use the files that a verb run by root leaves.
	if os.Geteuid() != 0 || parent.Uid == 0 || !made && folder.Uid == 0 {
		return a, nil
	}
	a.owner = &owner{int(parent.Uid), int(parent.Gid)}
	// Give away only a folder that was made just now: another one could be a link to something that is not
	// ours.
	if made {
		if err := os.Lchown(path, a.owner.uid, a.owner.gid); err != nil {
			return nil, fmt.Errorf("staging: %w", err)
		}
	}
	return a, nil
}

// folders returns the file information of a folder and of its parent.
func folders(path string) (folder, parent syscall.Stat_t, err error) {
	err = syscall.Stat(path, &folder)
	if err == nil && folder.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		err = syscall.ENOTDIR
	}
	if err == nil {
		err = syscall.Stat(filepath.Dir(path), &parent)
	}
	if err != nil {
		return folder, parent, fmt.Errorf("staging: %s: %w", path, err)
	}
	return folder, parent, nil
}

// Path is the path of the folder.
func (a *Area) Path() string { return a.path }

// Require checks that the disk has room for that many more bytes. Its error wraps ErrNoSpace and names both
// figures.
func (a *Area) Require(bytes int64) error {
	free, err := a.Free()
	if err != nil {
		return err
	}
	if free < bytes {
		return fmt.Errorf("staging %s: %w: %d bytes needed, %d free", a.path, ErrNoSpace, bytes, free)
	}
	return nil
}

// Free is the number of bytes that this process may still write to the folder's disk.
func (a *Area) Free() (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(a.path, &stat); err != nil {
		return 0, fmt.Errorf("staging: free space of %s: %w", a.path, err)
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

// Create makes a new file, 0600 and locked, whose name begins with prefix. Close unlocks it, so the caller must
// first remove it or rename it to its final place.
func (a *Area) Create(prefix string) (*os.File, error) {
	for {
		file, err := os.CreateTemp(a.path, prefix+"-*")
		if err != nil {
			return nil, fmt.Errorf("staging: %w", err)
		}
		same := false
		// The lock is shared, so that bbolt, which takes a shared lock as well, can read the file. A sweep
		// needs an exclusive lock.
		err = unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		if err == nil {
			same, err = stillAt(file, file.Name())
		} else if errors.Is(err, unix.EWOULDBLOCK) {
			err = nil
		}
		if err == nil && !same {
			// A sweep took the file between its creation and its lock.
			if err := Discard(file); err != nil {
				return nil, fmt.Errorf("staging: %w", err)
			}
			continue
		}
		if err == nil && a.owner != nil {
			err = file.Chown(a.owner.uid, a.owner.gid)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("staging %s: %w", file.Name(), err), Discard(file))
		}
		return file, nil
	}
}

// Discard removes and closes a file that Create made.
func Discard(file *os.File) error {
	err := os.Remove(file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, file.Close())
}

// Sweep removes the files whose process has ended, and returns how many it removed.
func (a *Area) Sweep(ctx context.Context) (removed int, err error) { return a.SweepPrefix(ctx, "") }

// SweepPrefix does what Sweep does, for the files whose names begin with prefix.
func (a *Area) SweepPrefix(ctx context.Context, prefix string) (removed int, err error) {
	entries, err := os.ReadDir(a.path)
	if err != nil {
		return 0, fmt.Errorf("staging: %w", err)
	}
	for _, entry := range entries {
		if ctx.Err() != nil {
			return removed, context.Cause(ctx)
		}
		if !entry.Type().IsRegular() || !strings.HasPrefix(entry.Name(), prefix) {
			continue
		}
		gone, err := RemoveAbandoned(filepath.Join(a.path, entry.Name()))
		if err != nil {
			return removed, err
		}
		if gone {
			removed++
		}
	}
	return removed, nil
}

// RemoveAbandoned removes the file at path unless a living process has it locked.
func RemoveAbandoned(path string) (removed bool, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("staging: %w", err)
	}
	defer file.Close()
	if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return false, nil
	}
	// Since the file was opened, its name may have been removed or given to another file.
	if same, err := stillAt(file, path); err != nil || !same {
		return false, err
	}
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // its own process removed it first
	}
	if err != nil {
		return false, fmt.Errorf("staging: %w", err)
	}
	return true, nil
}

// stillAt reports whether path still names the open file.
func stillAt(file *os.File, path string) (bool, error) {
	now, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("staging: %w", err)
	}
	opened, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("staging: %w", err)
	}
	return os.SameFile(now, opened), nil
}

// SyncFolder makes the names in a folder survive the loss of power.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	return nil
}
