// Package staging keeps the files that are in the making: each belongs to the process that has it open,
// and what a crash leaves behind is swept. It knows nothing of what the files hold.
//
// Its one invariant: a file is locked for as long as its maker lives, so that a sweep can tell a
// leftover from work of another process on the same host.
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

// Reserve is what is left free on the disk of an area, in bytes, by whoever fills it.
const Reserve = 16 << 20

// Area is a folder for files in the making.
type Area struct {
	path  string
	owner *owner
}

// owner is who the folder belongs to, when this process may give files away.
type owner struct{ uid, gid int }

// In opens a folder that is somebody's already, where nothing is given away: what is made there belongs to this process's
// user. Nothing is made if there is none.
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

// Open makes the folder, 0700, where there is none. Run by root it gives the folder, and every file that Create
// makes in it, to the owner of the parent folder; a folder of root's that is there already stays root's, and so
// do its files.
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
	// A verb run by root leaves files that the daemon's own user must be able to use.
	if os.Geteuid() != 0 || parent.Uid == 0 || !made && folder.Uid == 0 {
		return a, nil
	}
	a.owner = &owner{int(parent.Uid), int(parent.Gid)}
	// Only the folder made just now: another could be a link to what is not ours to give away.
	if made {
		if err := os.Lchown(path, a.owner.uid, a.owner.gid); err != nil {
			return nil, fmt.Errorf("staging: %w", err)
		}
	}
	return a, nil
}

// folders looks at a folder and at the one above it.
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

// Path of the folder.
func (a *Area) Path() string { return a.path }

// Require checks that the disk has room for so many bytes more. Its error wraps ErrNoSpace and names both
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

// Create makes a new file, 0600 and locked, whose name begins with prefix. Close unlocks it; before that it is to be
// removed, or renamed to where it shall stay.
func (a *Area) Create(prefix string) (*os.File, error) {
	for {
		file, err := os.CreateTemp(a.path, prefix+"-*")
		if err != nil {
			return nil, fmt.Errorf("staging: %w", err)
		}
		same := false
		// Shared, so that bbolt, which takes a shared lock itself, may read the file; a sweep needs it alone.
		err = unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		if err == nil {
			same, err = stillAt(file, file.Name())
		} else if errors.Is(err, unix.EWOULDBLOCK) {
			err = nil
		}
		if err == nil && !same {
			// A sweep came between the making and the locking, and has the file.
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

// Discard removes a file that Create made, and closes it.
func Discard(file *os.File) error {
	err := os.Remove(file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, file.Close())
}

// Sweep removes the files whose maker is gone, and gives their number.
func (a *Area) Sweep(ctx context.Context) (removed int, err error) { return a.SweepPrefix(ctx, "") }

// SweepPrefix is Sweep of the files whose names begin with prefix.
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
	// The name may have gone, or been given to another file, since it was opened.
	if same, err := stillAt(file, path); err != nil || !same {
		return false, err
	}
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // its maker, who lost it to this sweep, was faster
	}
	if err != nil {
		return false, fmt.Errorf("staging: %w", err)
	}
	return true, nil
}

// stillAt says whether path still names the open file.
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
