package directory

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
)

// partialSuffix ends the name of an unfinished file:
// .etcdward-HOST-RANDOM.partial.
const partialSuffix = ".partial"

// abandoned is the age from which an unfinished file of another host counts as left
// behind. Its lock cannot be seen from here.
const abandoned = 24 * time.Hour

// createPartial makes an unfinished file in a folder and locks it for as long as it is
// open, which a sweep takes for a sign of life.
func (v *visit) createPartial(folder *os.File) (*os.File, error) {
	for {
		var random [8]byte
		_, _ = rand.Read(random[:]) // never fails
		name := storage.Reserved + v.host + "-" + hex.EncodeToString(random[:]) + partialSuffix
		fd, err := unix.Openat(int(folder.Fd()), name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		file := os.NewFile(uintptr(fd), name)
		locked, err := lock(file)
		if err == nil && locked {
			err = v.give(file)
		}
		if err == nil && locked {
			return file, nil
		}
		// A sweep removed the file after it was made and before it was locked.
		_ = unix.Unlinkat(int(folder.Fd()), name, 0)
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
	}
}

// lock takes the lock of an unfinished file. It reports false if somebody else has the
// lock, or the file has lost its name.
func lock(file *os.File) (bool, error) {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	} else if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return false, err
	}
	var stat unix.Stat_t
	err = unix.Fstat(int(file.Fd()), &stat)
	return err == nil && stat.Nlink > 0, err
}

// partialHost returns the host that wrote an unfinished file. False: it is no such
// file.
func partialHost(name string) (string, bool) {
	middle, ok := strings.CutPrefix(name, storage.Reserved)
	if !ok {
		return "", false
	}
	middle, ok = strings.CutSuffix(middle, partialSuffix)
	if !ok {
		return "", false
	}
	dash := strings.LastIndexByte(middle, '-')
	if dash < 0 {
		return "", false
	}
	random, err := hex.DecodeString(middle[dash+1:])
	return middle[:dash], err == nil && len(random) == 8
}

// Sweep implements storage.Sweeper: it removes the files of this host whose writer
// died, and those of other hosts that were last written to a day ago. It goes on
// after an error, and returns them all.
func (b *Bucket) Sweep(ctx context.Context, prefix string) (removed int, err error) {
	v, err := b.enter()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, v.leave()) }()
	var errs []error
	err = fs.WalkDir(v.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, b.explain("sweep", name, err))
			}
			return nil
		}
		host, ok := partialHost(entry.Name())
		if !ok && !isClaim(entry.Name()) || !entry.Type().IsRegular() || !strings.HasPrefix(name, prefix) {
			return nil
		}
		sweep := func() (bool, error) { return v.sweepFile(name, host == v.host) }
		if !ok {
			sweep = func() (bool, error) { return v.sweepClaim(name) }
		}
		gone, err := sweep()
		if err != nil {
			errs = append(errs, b.explain("sweep", name, err))
		}
		if gone {
			removed++
		}
		return nil
	})
	return removed, errors.Join(append(errs, err)...)
}

// sweepFile removes one unfinished file, unless it is in use.
func (v *visit) sweepFile(name string, ours bool) (bool, error) {
	folder, err := v.openFolder(path.Dir(name))
	if err != nil {
		return false, ignoreMissing(err)
	}
	defer folder.Close()
	file, stat, err := openFile(folder, path.Base(name))
	if err != nil {
		return false, ignoreMissing(err)
	}
	defer file.Close()
	if !ours && v.now().Sub(time.Unix(stat.Mtim.Unix())) < abandoned {
		return false, nil
	}
	// The lock is held until the name is gone. If the writer has only just made the file,
	// it fails to lock it, and makes another one.
	if locked, err := lock(file); err != nil || !locked {
		return false, err
	}
	err = unix.Unlinkat(int(folder.Fd()), path.Base(name), 0)
	return err == nil, ignoreMissing(err)
}

// sweepClaim removes one claim, if it was left behind.
func (v *visit) sweepClaim(name string) (bool, error) {
	folder, err := v.openFolder(path.Dir(name))
	if err != nil {
		return false, ignoreMissing(err)
	}
	defer folder.Close()
	return v.dropClaim(folder, path.Base(name))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
