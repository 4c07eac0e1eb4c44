package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Locked reports whether a process has the database of a data directory open: bbolt holds its lock that long. Processes in
// containers are seen as well, since their files are the host's.
func Locked(dataDir string) (bool, error) {
	file, err := os.Open(filepath.Join(dataDir, "member", "snap", "db"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether etcd runs: %w", err)
	}
	defer file.Close() // and with it the lock
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether etcd runs: lock %s: %w", file.Name(), err)
	}
	return false, nil
}
