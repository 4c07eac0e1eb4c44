package place

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/probe"
	"golang.org/x/sys/unix"
)

// lockWait is how long the children of a run that was killed have to end.
const lockWait = 3 * time.Second

// Lock makes sure of being alone in a folder, until the file that it gives is closed here and in every child that it was
// handed to.
func Lock(ctx context.Context, path string) (*os.File, error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	err = probe.Await(ctx, lockWait, func() error { return unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if err != nil {
		return nil, errors.Join(fault.WithHint(fmt.Errorf("another restore is at work in %s: %w", path, err), "wait until it has ended"), folder.Close())
	}
	return folder, nil
}
