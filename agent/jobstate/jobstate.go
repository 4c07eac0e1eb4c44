// Package jobstate keeps one file that records when each job of the daemon last ran. The loop of package schedule and the status read
// it.
package jobstate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/etcdward/etcdward/agent/atomicfile"
	"github.com/etcdward/etcdward/schedule"
)

const (
	format = 1
	// largest, in bytes, is far more than the records of any configuration take.
	largest = 1 << 20
)

// File is a schedule.State in a file that only its owner can read.
type File struct {
	// Path of the file. Its directory must exist, and Path+".damaged" is ours as well.
	Path string
	// sync makes a file or directory durable; nil means (*os.File).Sync.
	sync func(*os.File) error
}

type content struct {
	Format int                        `json:"format"`
	Jobs   map[string]schedule.Record `json:"jobs"`
}

// Load returns the records; empty if there is no file yet. A file that cannot be read is renamed to
// Path+".damaged", which replaces an earlier one, and the error wraps schedule.ErrStateDamaged. The loop then
// starts without records, and a person can still look at the damaged file.
func (f File) Load() (map[string]schedule.Record, error) {
	records, err := Read(f.Path)
	switch {
	case err == nil:
		return records, nil
	case errors.Is(err, fs.ErrNotExist):
		return map[string]schedule.Record{}, nil
	}
	if !errors.Is(err, schedule.ErrStateDamaged) {
		err = fmt.Errorf("%w: %w", schedule.ErrStateDamaged, err)
	}
	aside := f.Path + ".damaged"
	if moved := os.Rename(f.Path, aside); moved != nil {
		return map[string]schedule.Record{}, errors.Join(err, fmt.Errorf("move it aside: %w", moved))
	}
	return map[string]schedule.Record{}, fmt.Errorf("%w; moved to %s", err, aside)
}

// Save replaces the file in one step. After an error the file is still whole. It is the old one, or it is the
// new one and only its survival of a power loss is in doubt.
func (f File) Save(records map[string]schedule.Record) error {
	text, err := json.MarshalIndent(content{Format: format, Jobs: records}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", f.Path, err)
	}
	return atomicfile.Write(f.Path, append(text, '\n'), atomicfile.Options{Sync: f.sync})
}

// Read returns the records of a File without changing anything. An error
// wrapping fs.ErrNotExist means that no loop has run yet; one wrapping
// schedule.ErrStateDamaged, that the file is not one of ours or no longer whole.
func Read(path string) (map[string]schedule.Record, error) {
	text, err := atomicfile.Read(path, largest)
	if errors.Is(err, atomicfile.ErrLarge) {
		return nil, fmt.Errorf("%w: %w", schedule.ErrStateDamaged, err)
	}
	if err != nil {
		return nil, err
	}
	// Unknown keys are ignored: a newer version may have written them before a downgrade, so they are not
	// damage.
	var state content
	if err := json.Unmarshal(text, &state); err != nil {
		return nil, fmt.Errorf("decode %s: %w: %w", path, schedule.ErrStateDamaged, err)
	}
	if state.Format != format || state.Jobs == nil {
		return nil, fmt.Errorf("decode %s: %w: format %d, expected %d", path, schedule.ErrStateDamaged, state.Format, format)
	}
	return state.Jobs, nil
}
