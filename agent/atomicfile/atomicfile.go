// Package atomicfile replaces small files whole: whoever reads one, at any moment and after any end of this process or of the host,
// sees the old text or the new. It knows nothing of what the files hold.
//
// Its one invariant: a name never leads to half a file. Two processes may replace the same file at once; the last one wins.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Options say how a file is to be. The zero value: mode 0600, this process's user.
type Options struct {
	// Mode of the file, whatever the umask; 0: 0600.
	Mode fs.FileMode
	// FolderOwner gives the file to the owner of its folder if root writes it, so that a daemon without rights can read what a verb wrote.
	FolderOwner bool
	// Sync makes a file or a folder durable; nil: (*os.File).Sync. Tests put a disk that fails in its place.
	Sync func(*os.File) error
}

// making ends the name of a file that is being written. It begins with a dot, so that nothing that reads the folder takes it for its own.
const making = ".making"

// Write replaces the file at path. After an error the file is whole, too: the old one, or the new one if only its survival of
// a power loss is in doubt.
func Write(path string, text []byte, o Options) error {
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(Replace(folder, filepath.Base(path), text, o), folder.Close())
}

// Replace is Write of the file called name in an open folder, which no link leads out of.
func Replace(folder *os.Root, name string, text []byte, o Options) (err error) {
	if o.Sync == nil {
		o.Sync = (*os.File).Sync
	}
	if o.Mode == 0 {
		o.Mode = 0o600
	}
	mine := func(temp string) bool { return strings.HasPrefix(temp, "."+name+".") }
	if _, err := removeAbandoned(folder, mine); err != nil {
		return err
	}
	file, temp, err := create(folder, name)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, file.Close())
	}()
	if err := fill(folder, file, text, o); err != nil {
		return errors.Join(err, removeIfThere(folder, temp))
	}
	if err := folder.Rename(temp, name); err != nil {
		return errors.Join(err, removeIfThere(folder, temp))
	}
	return syncFolder(folder, o.Sync)
}

// create makes a file with a name of its own, locked for as long as it is open.
func create(folder *os.Root, name string) (*os.File, string, error) {
	for {
		temp := fmt.Sprintf(".%s.%08x%s", name, rand.Uint32(), making)
		file, err := folder.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		mine, err := lock(folder, file, temp)
		if err != nil {
			return nil, "", errors.Join(err, file.Close(), removeIfThere(folder, temp))
		}
		if mine {
			return file, temp, nil
		}
		// Another process took it for abandoned between the making and the locking.
		if err := file.Close(); err != nil {
			return nil, "", err
		}
	}
}

// lock reports whether the file is this process's: locked, and still under its name.
func lock(folder *os.Root, file *os.File, temp string) (bool, error) {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", temp, err)
	}
	named, err := folder.Lstat(temp)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	opened, err := file.Stat()
	if err != nil {
		return false, err
	}
	return os.SameFile(named, opened), nil
}

// fill writes the text, and makes the file what the options ask for.
func fill(folder *os.Root, file *os.File, text []byte, o Options) error {
	if _, err := file.Write(text); err != nil {
		return err
	}
	if err := file.Chmod(o.Mode); err != nil {
		return err
	}
	if o.FolderOwner && os.Geteuid() == 0 {
		info, err := folder.Stat(".")
		if err != nil {
			return err
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			if err := file.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
				return err
			}
		}
	}
	return o.Sync(file)
}

// Sweep removes what killed processes left in a folder of files in the making, whatever they were to be, and returns their number.
func Sweep(path string) (removed int, err error) {
	folder, err := os.OpenRoot(path)
	if err != nil {
		return 0, err
	}
	removed, err = removeAbandoned(folder, func(string) bool { return true })
	return removed, errors.Join(err, folder.Close())
}

// removeAbandoned removes the files in the making whose names are chosen. One that is locked belongs to a living process.
func removeAbandoned(folder *os.Root, chosen func(name string) bool) (removed int, err error) {
	entries, err := fs.ReadDir(folder.FS(), ".")
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") || !strings.HasSuffix(entry.Name(), making) || !entry.Type().IsRegular() || !chosen(entry.Name()) {
			continue
		}
		file, err := folder.Open(entry.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // its maker renamed or removed it
		}
		if err != nil {
			return removed, err
		}
		if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			err = removeIfThere(folder, entry.Name())
			removed++
		}
		if err := errors.Join(err, file.Close()); err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func removeIfThere(folder *os.Root, name string) error {
	if err := folder.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncFolder makes the names in a folder survive a power loss.
func syncFolder(folder *os.Root, sync func(*os.File) error) error {
	open, err := folder.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(sync(open), open.Close())
}
