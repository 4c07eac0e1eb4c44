package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"
)

// openTree is the host as setup reads it. In a --root no link leads out; of this host itself every link is followed.
func openTree(root string) (tree fs.FS, done func() error, err error) {
	if root == "/" {
		return os.DirFS("/"), func() error { return nil }, nil
	}
	opened, err := os.OpenRoot(root)
	if err != nil {
		return nil, nil, err
	}
	return opened.FS(), opened.Close, nil
}

// inTree is an absolute path of the host as io/fs wants it.
func inTree(path string) string {
	if path = strings.TrimPrefix(path, "/"); path == "" {
		return "."
	}
	return path
}

// openFolder opens a folder that setup reads or writes, so that nothing is reached through a link out of root. Where create is
// set it is made.
func openFolder(root, path string, create bool) (*os.Root, error) {
	if root == "/" {
		if create {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return nil, err
			}
		}
		return os.OpenRoot(path)
	}
	whole, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer whole.Close()
	inside, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	if create {
		if err := whole.MkdirAll(inside, 0o755); err != nil {
			return nil, leadsOut(path, err)
		}
	}
	folder, err := whole.OpenRoot(inside)
	if err != nil {
		return nil, leadsOut(path, err)
	}
	return folder, nil
}

// leadsOut has the way out where a link is why a folder below --root is not opened.
func leadsOut(path string, err error) error {
	var at *fs.PathError
	if !errors.As(err, &at) || !strings.Contains(at.Err.Error(), "escapes") { // package os exports no such error
		return err
	}
	return fault.WithHint(fmt.Errorf("open %s: a link leads out of --root, or is absolute: %w", path, at.Err),
		"make the link a relative one inside --root, or run setup in a chroot")
}

// readIfAny reads a file; nil: there is none.
func readIfAny(root, path string) ([]byte, error) {
	folder, err := openFolder(root, filepath.Dir(path), false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	name := filepath.Base(path)
	info, err := folder.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: it is a link or a folder, and no file: setup would put a file in its place; edit what it leads to", path)
	}
	if err != nil {
		return nil, err
	}
	return folder.ReadFile(name)
}
