// Package hostrecord keeps the small files from which status tells, on this host, what it cannot see just now: which agent runs, and what was last
// seen to be proven in each store.
//
// They hold no secrets. The agent writes them twice: to its state, and to its folder in /run, where every user may read them.
package hostrecord

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/etcdward/etcdward/agent/atomicfile"
)

const (
	format     = 1
	agentFile  = "agent.json"
	provenFile = "proven.json"
	touchFile  = "touched"
	// largest, in bytes, is far more than these records take.
	largest = 1 << 20
)

// Sighting is a proven snapshot as a store was last seen to hold it.
type Sighting struct {
	ID         string    `json:"id"`
	TakenAt    time.Time `json:"taken_at"`
	Revision   int64     `json:"revision"`
	Level      int       `json:"level"`
	KnownSince time.Time `json:"known_since"`
	SeenAt     time.Time `json:"seen_at"`
	// ClusterID is the etcd cluster id, in hex, that the snapshot is of.
	ClusterID string `json:"cluster_id"`
}

// sightings is what the file holds.
type sightings struct {
	Format  int                 `json:"format"`
	Cluster string              `json:"cluster"`
	Stores  map[string]Sighting `json:"stores"` // by the name of the store
}

// WriteSightings replaces what was last seen of the stores of a cluster. In a folder that other users may read they may read the file too.
func WriteSightings(folder, cluster string, byStore map[string]Sighting) error {
	return write(folder, provenFile, sightings{format, cluster, byStore})
}

// Sightings returns what was last seen of the stores of a cluster: the file of the first folder that can be read. It is empty if there is none, or if
// it is another cluster's. An error means that it is not known whether anything was seen.
func Sightings(cluster string, folders ...string) (map[string]Sighting, error) {
	var file sightings
	found, err := read(&file, provenFile, folders)
	if err == nil && found && file.Format != format {
		err = fmt.Errorf("decode %s: format %d, expected %d", provenFile, file.Format, format)
	}
	if err != nil || file.Cluster != cluster {
		return nil, err
	}
	return file.Stores, nil
}

// Agent is a daemon on this host.
type Agent struct {
	Format  int       `json:"format"`
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Version string    `json:"version"`
	// Began is when the kernel says that the process began, in its ticks since the host booted. It tells the process from a later one that
	// has the same PID.
	Began string `json:"began"`
}

// WriteAgent records that this process is the agent since a time.
func WriteAgent(folder, version string, since time.Time) error {
	pid := os.Getpid()
	began, err := began(pid)
	if err != nil {
		return fmt.Errorf("read the start of this process: %w", err)
	}
	return write(folder, agentFile, Agent{format, pid, since.UTC().Truncate(time.Second), version, began})
}

// RunningAgent returns the agent that runs on this host; nil if none does. An error means that this is not known.
func RunningAgent(folders ...string) (*Agent, error) {
	var unread error
	for _, folder := range folders {
		var a Agent
		found, err := read(&a, agentFile, []string{folder})
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		if !found {
			continue
		}
		now, err := began(a.PID)
		if err == nil && now == a.Began {
			return &a, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			unread = errors.Join(unread, err)
		}
	}
	return nil, unread
}

// Touch tells the agent that somebody changed something: it then looks again, soon.
func Touch(folder string) error { return write(folder, touchFile, struct{}{}) }

// Touched returns when somebody last did; zero if nobody did, or if it cannot be read.
func Touched(folder string) time.Time {
	info, err := os.Stat(filepath.Join(folder, touchFile))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func write(folder, name string, v any) error {
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	mode := fs.FileMode(0o600)
	if info.Mode().Perm()&0o005 == 0o005 {
		mode = 0o644
	}
	return atomicfile.Write(filepath.Join(folder, name), append(text, '\n'), atomicfile.Options{Mode: mode, FolderOwner: true})
}

// read decodes the file of the first folder that has it and lets it be read.
func read(v any, name string, folders []string) (found bool, err error) {
	for _, folder := range folders {
		path := filepath.Join(folder, name)
		text, cause := atomicfile.Read(path, largest)
		if errors.Is(cause, fs.ErrNotExist) {
			continue
		}
		if cause == nil {
			if cause = json.Unmarshal(text, v); cause == nil {
				return true, nil
			}
			cause = fmt.Errorf("decode %s: %w", path, cause)
		}
		err = errors.Join(err, cause)
	}
	return false, err
}
