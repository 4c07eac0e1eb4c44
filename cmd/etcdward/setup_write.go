package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// write puts the file in place: whoever reads it, at any moment and after any end of this process, sees the old text or the
// new. A file that does not differ is not touched.
func (f setupFile) write() error {
	if !f.differs() {
		return nil
	}
	folder := filepath.Dir(f.path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	if err := replaceFile(folder, filepath.Base(f.path), f.after); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}

func replaceFile(folder, name string, text []byte) (err error) {
	// One name for all, so that what a killed process left is used up by the next; and none that systemd or anybody reads.
	making := filepath.Join(folder, "."+name+".making")
	if err := os.Remove(making); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(making, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(making) // of no use to anybody
		}
	}()
	_, err = file.Write(text)
	// The mode is meant whatever the mask says: others read these files, and there is no secret in them.
	if err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(making, filepath.Join(folder, name)); err != nil {
		return err
	}
	return syncFolder(folder)
}

// syncFolder makes a rename last.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
