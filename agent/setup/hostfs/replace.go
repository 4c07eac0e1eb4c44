package hostfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/etcdward/etcdward/agent/atomicfile"
)

// Current reads a file that Replace may replace; nil means that there is none. A link is refused, because Replace would put a file in
// its place.
func (h *Host) Current(path string) ([]byte, error) {
	folder, err := h.open(filepath.Dir(path), false)
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
		err = fmt.Errorf("%s: it is a link or a folder, not a file: setup would put a file in its place; edit the file that it leads to", h.Path(path))
	}
	if err != nil {
		return nil, err
	}
	return folder.ReadFile(name)
}

// Replace puts a text in the place of a file, and makes its folder if need be. Whoever reads the file, at any moment and after any end
// of this process, sees the old text or the new one. All users may read it, whatever the umask says: the file must hold no secret.
func (h *Host) Replace(path string, text []byte) (err error) {
	folder, err := h.open(filepath.Dir(path), true)
	if err == nil {
		err = errors.Join(atomicfile.Replace(folder, filepath.Base(path), text, atomicfile.Options{Mode: 0o644}), folder.Close())
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", h.Path(path), err)
	}
	return nil
}
