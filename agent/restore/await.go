package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// awaitInterval is how often a condition is looked at.
const awaitInterval = 200 * time.Millisecond

// await returns once met returns nil; else, after the limit, with what it said last.
func await(ctx context.Context, limit time.Duration, met func() error) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(awaitInterval)
	defer tick.Stop()
	for {
		err := met()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-deadline.C:
			return fmt.Errorf("after %s: %w", limit, err)
		case <-tick.C:
		}
	}
}

// tellInterval is how often people hear what a wait is for.
const tellInterval = 10 * time.Second

// await is await, and says now and then what it waits for.
func (a *Applier) await(ctx context.Context, limit time.Duration, met func() error) error {
	begun, next := time.Now(), tellInterval
	return await(ctx, limit, func() error {
		err := met()
		if waited := time.Since(begun); err != nil && waited >= next {
			next += tellInterval
			a.tell("Waiting for %s, of at most %s: %v.", waited.Round(time.Second), limit, err)
		}
		return err
	})
}

// moveFiles moves files from one folder to another. Those that are there already were moved by an earlier run.
func moveFiles(names []string, from, to string) error {
	for _, name := range names {
		source, target := filepath.Join(from, name), filepath.Join(to, name)
		_, there := os.Lstat(target)
		_, err := os.Lstat(source)
		switch {
		case err == nil && there == nil:
			return hinted(fmt.Errorf("move %s to %s: both are there", source, target), "find out who wrote the second one; remove one of them")
		case err == nil:
			err = os.Rename(source, target)
		case errors.Is(err, fs.ErrNotExist) && there == nil:
			err = nil
		}
		if err != nil {
			return fmt.Errorf("move manifest: %w", err)
		}
	}
	for _, folder := range []string{from, to} {
		if err := syncPath(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("move manifest: %w", err)
		}
	}
	return nil
}

// removeAside removes the folder for moved manifests, which is empty by now.
func removeAside(path string) error {
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the folder for manifests: %w", err)
	}
	return nil
}
