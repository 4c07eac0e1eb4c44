package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// write puts the file in place, below root: whoever reads it, at any moment and after any end of this process, sees the old text
// or the new. A file that does not differ is not touched.
func (f setupFile) write(root string) error {
	if !f.differs() {
		return nil
	}
	folder, err := openFolder(root, filepath.Dir(f.path), true)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	defer folder.Close()
	if err := replaceFile(folder, filepath.Base(f.path), f.after); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}

func replaceFile(folder *os.Root, name string, text []byte) (err error) {
	// One name for all, so that what a killed process left is used up by the next; and none that systemd or anybody reads.
	making := "." + name + ".making"
	if err := folder.Remove(making); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := folder.OpenFile(making, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = folder.Remove(making) // of no use to anybody
		}
	}()
	_, err = file.Write(text)
	// The mode is meant whatever the mask says: others read these files, and there is no secret in them.
	if err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := folder.Rename(making, name); err != nil {
		return err
	}
	return syncFolder(folder)
}

// syncFolder makes a rename last.
func syncFolder(folder *os.Root) error {
	open, err := folder.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(open.Sync(), open.Close())
}
