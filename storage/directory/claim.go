package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
)

// Some file systems can neither rename without replacing nor make hard links: exFAT, FAT, vboxsf, and what rclone, s3fs and gcsfuse
// mount. There a writer first makes a claim, a file whose name belongs to the object's. Only one can, since O_EXCL refuses a second.
// Whoever has the claim looks whether the object's name is free, and renames. Readers still see a complete object or none.

const (
	// claimSuffix ends the name of a claim: .etcdward-HASH.claim.
	claimSuffix = ".claim"
	// staleClaim is the age from which the claim of another host, which holds one for milliseconds, counts as left behind.
	staleClaim = time.Hour
	// claimWait is how long to wait for the claim of somebody else, in looks at it.
	claimWait, claimLooks = 50 * time.Millisecond, 100
)

// claimOf is the name of the claim that belongs to an object's.
func claimOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return storage.Reserved + hex.EncodeToString(sum[:16]) + claimSuffix
}

// isClaim reports whether a name is that of a claim.
func isClaim(name string) bool {
	middle, begins := strings.CutPrefix(name, storage.Reserved)
	middle, ends := strings.CutSuffix(middle, claimSuffix)
	sum, err := hex.DecodeString(middle)
	return begins && ends && err == nil && len(sum) == 16
}

// publishClaimed is publish for a file system that has no other way.
func (v *visit) publishClaimed(ctx context.Context, folder *os.File, partial, name string) (err error) {
	claim, err := v.takeClaim(ctx, folder, name)
	if err != nil {
		return err
	}
	defer func() {
		gone := unix.Unlinkat(int(folder.Fd()), claimOf(name), 0)
		err = errors.Join(err, ignoreMissing(gone), claim.Close())
	}()
	switch _, err := lstat(folder, name); {
	case err == nil:
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	fd := int(folder.Fd())
	return unix.Renameat(fd, partial, fd, name)
}

// takeClaim makes the claim of a name, and waits for others who have it.
func (v *visit) takeClaim(ctx context.Context, folder *os.File, name string) (*os.File, error) {
	claim := claimOf(name)
	for look := 1; ; look++ {
		fd, err := unix.Openat(int(folder.Fd()), claim, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		switch {
		case err == nil:
			if file, err := v.signClaim(os.NewFile(uintptr(fd), claim)); file != nil || err != nil {
				return file, err
			}
			continue // a sweep was faster
		case !errors.Is(err, fs.ErrExist):
			return nil, noClaims(v.path, err)
		}
		if gone, err := v.dropClaim(folder, claim); err != nil {
			return nil, err
		} else if gone {
			continue
		}
		if look == claimLooks {
			return nil, &storage.Cause{
				Says: "another host is writing this file, or died while it did",
				Try:  fmt.Sprintf("if no host is, remove %s below %s; after an hour etcdward does so itself", path.Join(folder.Name(), claim), v.path),
			}
		}
		timer := time.NewTimer(claimWait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}

// signClaim writes whose a claim is, and locks it for as long as it is open. nil: it is gone already.
func (v *visit) signClaim(file *os.File) (*os.File, error) {
	locked, err := lock(file)
	if err == nil && locked {
		_, err = file.WriteString(v.host)
	}
	if err == nil && locked {
		return file, v.give(file)
	}
	return nil, errors.Join(err, file.Close())
}

// dropClaim removes a claim that was left behind: one of this host that nobody has locked, or an old one.
func (v *visit) dropClaim(folder *os.File, claim string) (bool, error) {
	file, stat, err := openFile(folder, claim)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), ignoreMissing(err)
	}
	defer file.Close()
	host, err := io.ReadAll(io.LimitReader(file, 256))
	if err != nil {
		return false, err
	}
	if string(host) != v.host && v.now().Sub(time.Unix(stat.Mtim.Unix())) < staleClaim {
		return false, nil
	}
	if locked, err := lock(file); err != nil || !locked {
		return false, err
	}
	return true, ignoreMissing(unix.Unlinkat(int(folder.Fd()), claim, 0))
}

// lstat looks at a name, whatever it is of.
func lstat(folder *os.File, name string) (unix.Stat_t, error) {
	var stat unix.Stat_t
	err := unix.Fstatat(int(folder.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW)
	return stat, err
}

// noClaims is the error of a file system that has none of the three ways, with its kind.
func noClaims(folder string, err error) error {
	return &storage.Cause{
		Says: fmt.Sprintf("the file system (%s) can give a file its name in none of the ways that never replace another", mounted(folder)),
		Try:  "mount it in another way, NFS or SMB for instance, or put the store on another file system",
		Err:  err,
	}
}
