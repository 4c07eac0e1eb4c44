package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxStateFile is the most that is read of a state file, in bytes; ours are far smaller.
const maxStateFile = 1 << 20

// loadState reads JSON from a file of the state directory; false: there is none yet.
func loadState(path string, v any) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxStateFile+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return false, err
	}
	if len(text) > maxStateFile {
		return false, fmt.Errorf("decode %s: larger than %d bytes", path, maxStateFile)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, fmt.Errorf("decode %s: %w", path, err)
	}
	return true, nil
}

// saveState replaces a file of the state directory in one step; after an error the old one is whole. Two processes may do so
// at once, the daemon and a verb: the last one wins. It is the directory's owner's also when root wrote it.
func saveState(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	err = writeState(temp, dir, append(text, '\n'))
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func writeState(temp *os.File, dir string, text []byte) error {
	if _, err := temp.Write(text); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		// The daemon runs as another user, and has to read what a verb that root called has written.
		if info, err := os.Stat(dir); err == nil {
			if owner, ok := info.Sys().(*syscall.Stat_t); ok {
				if err := temp.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
					return err
				}
			}
		}
	}
	return temp.Sync()
}
