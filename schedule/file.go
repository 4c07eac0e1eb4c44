package schedule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	stateFormat = 1
	// largestState is in bytes; no configuration comes near it.
	largestState = 1 << 20
)

// FileState keeps the records in a file that only its owner can read.
type FileState struct {
	// Path of the file. Its directory exists, and Path+".tmp" and Path+".damaged"
	// are ours too.
	Path string
	// sync makes a file or directory durable; nil: (*os.File).Sync.
	sync func(*os.File) error
}

type stateFile struct {
	Format int               `json:"format"`
	Jobs   map[string]Record `json:"jobs"`
}

// Load returns the records; empty when there is no file yet. A file that cannot be
// read is renamed to Path+".damaged", over the one of an earlier time, and the
// error wraps ErrStateDamaged: the records are lost to the loop, not to a human.
func (f FileState) Load() (map[string]Record, error) {
	records, err := ReadState(f.Path)
	switch {
	case err == nil:
		return records, nil
	case errors.Is(err, fs.ErrNotExist):
		return map[string]Record{}, nil
	}
	if !errors.Is(err, ErrStateDamaged) {
		err = fmt.Errorf("%w: %w", ErrStateDamaged, err)
	}
	aside := f.Path + ".damaged"
	if moved := os.Rename(f.Path, aside); moved != nil {
		return map[string]Record{}, errors.Join(err, fmt.Errorf("move it aside: %w", moved))
	}
	return map[string]Record{}, fmt.Errorf("%w; moved to %s", err, aside)
}

// Save replaces the file in one step. After an error the file is whole, too: the old
// one, or the new one where only its survival of a power loss is in doubt.
func (f FileState) Save(records map[string]Record) (err error) {
	content, err := json.MarshalIndent(stateFile{Format: stateFormat, Jobs: records}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", f.Path, err)
	}
	temp := f.Path + ".tmp"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove old %s: %w", temp, err)
	}
	if err := f.write(temp, append(content, '\n')); err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(temp)))
	}
	if err := os.Rename(temp, f.Path); err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(temp)))
	}
	dir, err := os.Open(filepath.Dir(f.Path))
	if err != nil {
		return err
	}
	return errors.Join(f.flush(dir), dir.Close())
}

func (f FileState) write(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = f.flush(file)
	}
	return errors.Join(err, file.Close())
}

func (f FileState) flush(file *os.File) error {
	if f.sync != nil {
		return f.sync(file)
	}
	return file.Sync()
}

// ReadState returns the records of a FileState without changing anything. An error
// wrapping fs.ErrNotExist means that no loop has run yet; one wrapping
// ErrStateDamaged, that the file is not one of ours or no longer whole.
func ReadState(path string) (map[string]Record, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, largestState+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if len(content) > largestState {
		return nil, fmt.Errorf("decode %s: %w: larger than %d bytes", path, ErrStateDamaged, largestState)
	}
	// Unknown keys are let pass: after a downgrade they are no damage.
	var state stateFile
	if err := json.Unmarshal(content, &state); err != nil {
		return nil, fmt.Errorf("decode %s: %w: %w", path, ErrStateDamaged, err)
	}
	if state.Format != stateFormat || state.Jobs == nil {
		return nil, fmt.Errorf("decode %s: %w: format %d, expected %d", path, ErrStateDamaged, state.Format, stateFormat)
	}
	return state.Jobs, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
