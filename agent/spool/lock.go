package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/staging"
)

// Lock keeps other processes of this host from delivering until unlock is called. It waits for them until ctx
// ends.
func (s *Spool) Lock(ctx context.Context) (unlock func() error, err error) {
	file, err := s.openLock()
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return file.Close, nil
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("spool: lock %s: %w", file.Name(), err), file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("spool: another process delivers: %w", context.Cause(ctx)), file.Close())
		case <-tick.C:
		}
	}
}

// openLock opens the file that Lock locks. It is made under another name first: as soon as it can be seen
// it belongs to the daemon's user, even when root was the first to lock.
func (s *Spool) openLock() (*os.File, error) {
	path := filepath.Join(s.area.Path(), ".lock")
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	made, err := s.area.Create(recordPrefix + "-lock")
	if err != nil {
		return nil, err
	}
	err = os.Link(made.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		err = nil // another process made it just now
	}
	if err := errors.Join(err, staging.Discard(made)); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
}

// exclusively runs change while nobody else on this host changes entries. It holds the lock of the folder, and not that of
// Lock, which a delivery keeps for as long as a slow store takes.
func (s *Spool) exclusively(change func() error) error {
	folder, err := os.Open(s.area.Path())
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	err = unix.EINTR
	for errors.Is(err, unix.EINTR) {
		err = unix.Flock(int(folder.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("spool: lock %s: %w", s.area.Path(), err), folder.Close())
	}
	return errors.Join(change(), folder.Close())
}
