package kubeadm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/place"
)

// moveFiles moves files from one folder to another. Those that are there already were moved by an earlier run.
func moveFiles(names []string, from, to string) error {
	for _, name := range names {
		source, target := filepath.Join(from, name), filepath.Join(to, name)
		_, there := os.Lstat(target)
		_, err := os.Lstat(source)
		switch {
		case err == nil && there == nil:
			return fault.WithHint(fmt.Errorf("move %s to %s: both are there", source, target), "find out who wrote the second one; remove one of them")
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
		if err := place.SyncPath(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
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
