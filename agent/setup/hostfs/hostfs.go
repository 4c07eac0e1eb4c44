// Package hostfs is the files of a host that is set up: this host, or a folder that holds the files of one, such as an image. It does
// not know what the files are for.
//
// Its one invariant: below a root other than "/" nothing is read or written through a link that leads out of it. Every path that it
// takes is absolute, and one of the host.
package hostfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"
)

// Host is the files of one host.
type Host struct {
	root  string
	tree  fs.FS
	below *os.Root // the root; nil: it is "/"
}

// Open opens the files below a root, an absolute path. On this host itself, whose root is "/", every link is followed. The caller
// closes it.
func Open(root string) (*Host, error) {
	if root == "/" {
		return &Host{root: root, tree: os.DirFS("/")}, nil
	}
	opened, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	return &Host{root, opened.FS(), opened}, nil
}

// Close lets go of the files.
func (h *Host) Close() error {
	if h.below == nil {
		return nil
	}
	return h.below.Close()
}

// Live reports whether it is this host, on which programs can be started, and not a folder.
func (h *Host) Live() bool { return h.below == nil }

// FS is the files as io/fs wants them.
func (h *Host) FS() fs.FS { return h.tree }

// Path returns where a path of the host is for this process.
func (h *Host) Path(path string) string { return filepath.Join(h.root, path) }

// Stat follows links, as all that follow do.
func (h *Host) Stat(path string) (fs.FileInfo, error) { return fs.Stat(h.tree, inTree(path)) }

// ReadFile reads a file.
func (h *Host) ReadFile(path string) ([]byte, error) { return fs.ReadFile(h.tree, inTree(path)) }

// ReadDir lists a folder, by name.
func (h *Host) ReadDir(path string) ([]fs.DirEntry, error) { return fs.ReadDir(h.tree, inTree(path)) }

// ReadLink returns where a link leads; an error if the path is no link.
func (h *Host) ReadLink(path string) (string, error) { return fs.ReadLink(h.tree, inTree(path)) }

// inTree is an absolute path as io/fs wants it.
func inTree(path string) string {
	if path = strings.TrimPrefix(path, "/"); path == "" {
		return "."
	}
	return path
}

// RealPath follows the links of a path as far as something is there. Below a root other than "/" it returns the path as it is.
func (h *Host) RealPath(path string) string {
	if !h.Live() {
		return path
	}
	for there, rest := path, ""; there != "/"; there, rest = filepath.Dir(there), filepath.Join(filepath.Base(there), rest) {
		if real, err := filepath.EvalSymlinks(there); err == nil {
			return filepath.Join(real, rest)
		}
	}
	return path
}

// Reach returns an error if a folder cannot be opened, or if a link on the way leads out of the root.
func (h *Host) Reach(folder string) error {
	open, err := h.open(folder, false)
	if err != nil {
		return err
	}
	return open.Close()
}

// open opens a folder. If create is set the folder is made first.
func (h *Host) open(folder string, create bool) (*os.Root, error) {
	if h.Live() {
		if create {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return nil, err
			}
		}
		return os.OpenRoot(folder)
	}
	if create {
		if err := h.below.MkdirAll(inTree(folder), 0o755); err != nil {
			return nil, h.leadsOut(folder, err)
		}
	}
	opened, err := h.below.OpenRoot(inTree(folder))
	if err != nil {
		return nil, h.leadsOut(folder, err)
	}
	return opened, nil
}

// leadsOut adds the way out if a link is why a folder below the root was not opened.
func (h *Host) leadsOut(folder string, err error) error {
	var at *fs.PathError
	if !errors.As(err, &at) || !strings.Contains(at.Err.Error(), "escapes") { // package os exports no such error
		return err
	}
	return fault.WithHint(fmt.Errorf("open %s: a link leads out of --root, or is absolute: %w", h.Path(folder), at.Err),
		"make the link a relative one inside --root, or run setup in a chroot")
}
