// Package atomicfile replaces small files in one step: a reader sees the old text or the new one at every moment, and after every
// end of this process or of the host. It does not know what the files hold.
//
// Its one invariant: no name ever leads to half a file. If two processes replace the same file at once, the last one
// wins.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Options say which mode and owner a file gets. The zero value means mode 0600 and the user of this process.
type Options struct {
	// Mode of the file, independent of the umask; 0 means 0600.
	Mode fs.FileMode
	// FolderOwner gives a file that root writes to the owner of its folder, so that the daemon, which is not root, can read what a verb
	// wrote.
	FolderOwner bool
	// Sync makes a file or a folder durable; nil means (*os.File).Sync. Tests replace it with a disk that
	// fails.
	Sync func(*os.File) error
}

// making is the suffix of a file that is being written. Its name begins with a dot, so that no reader of the folder mistakes it for a
// finished file.
const making = ".making"

// Write replaces the file at path. After an error the file is still whole. It is the old one, or it is the new one and only
// its survival of a power loss is in doubt.
func Write(path string, text []byte, o Options) error {
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(Replace(folder, filepath.Base(path), text, o), folder.Close())
}

// ErrLarge means that a file has more bytes than it may.
var ErrLarge = errors.New("too large")

// Read returns the file at path, of at most so many bytes. An error that wraps ErrLarge means that it has more, and so is none of ours.
func Read(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("read %s: %w: larger than %d bytes", path, ErrLarge, most)
	}
	return text, nil
}

// Replace does what Write does, for the file called name in an open folder. No link can lead out of that
// folder.
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

// create makes a file with a unique name and keeps it locked for as long as it is open.
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
		// Another process swept the file between its creation and its lock, so make a new one.
		if err := file.Close(); err != nil {
			return nil, "", err
		}
	}
}

// lock locks the file. It reports whether the file is now ours: locked, and still under its name.
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

// fill writes the text and applies the options to the file.
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

// Sweep removes the unfinished files that killed processes left in a folder, whatever their final names, and returns how many it
// removed.
func Sweep(path string) (removed int, err error) {
	folder, err := os.OpenRoot(path)
	if err != nil {
		return 0, err
	}
	removed, err = removeAbandoned(folder, func(string) bool { return true })
	return removed, errors.Join(err, folder.Close())
}

// removeAbandoned removes the unfinished files whose names are chosen. It leaves the locked ones, since each belongs to a
// living process.
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
			continue // the process that made it has renamed or removed it
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
