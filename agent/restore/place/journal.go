package place

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/etcdward/etcdward/agent/atomicfile"
	"github.com/etcdward/etcdward/agent/fault"
)

// Step is how far a restore on this host has come. A later apply goes on from there, a rollback goes back.
type Step string

// The steps in their order. Up to StepReady nothing but new files beside the data directory was made.
const (
	StepNone       Step = ""            // nothing was begun
	StepRestoring  Step = "restoring"   // the new directory is in the making
	StepReady      Step = "ready"       // it is whole, checked and synced
	StepStopping   Step = "stopping"    // manifests are being moved aside; only with Kubeadm
	StepSwitching  Step = "switching"   // directories are being renamed
	StepStarting   Step = "starting"    // manifests are being moved back
	StepDone       Step = "done"        // the restored directory is the data directory
	StepGoingBack  Step = "going back"  // a rollback is under way: only it may go on
	StepRolledBack Step = "rolled back" // all is as it was before
)

// Journal is the record of one restore on this host. It is written before the step that it names is begun.
type Journal struct {
	Format  int    `json:"format"`
	Plan    string `json:"plan_sha256"`
	Member  string `json:"member"`
	DataDir string `json:"data_dir"`
	Step    Step   `json:"step"`
	// Old and New directory, from StepSwitching on. Old zero: there was none.
	Old Identity `json:"old"`
	New Identity `json:"new"`
	// Undone is where a rollback puts the restored directory; "" before one was begun.
	Undone string `json:"undone,omitempty"`
	// Files of static pods that were in Manifests when they were first moved Aside; none without Kubeadm.
	Manifests string   `json:"manifests,omitempty"`
	Aside     string   `json:"aside,omitempty"`
	Files     []string `json:"files,omitempty"`
}

// ReadJournal gives the zero journal where there is none.
func ReadJournal(path string) (Journal, error) {
	var j Journal
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &j)
	}
	if err == nil && j.Format != 1 {
		err = fmt.Errorf("format %d is not known", j.Format)
	}
	if err != nil {
		return j, fault.WithHint(fmt.Errorf("read the journal %s: %w", path, err), "if no restore is under way there, remove the file")
	}
	return j, nil
}

// Write makes the journal survive whatever comes. On a full disk it uses the room of the reserve, so that a restore does not stop
// half-way, with the control plane down, because a few bytes are missing.
func (j Journal) Write(path string) error {
	text, err := json.MarshalIndent(j, "", "  ")
	if err == nil {
		err = atomicfile.Write(path, append(text, '\n'), atomicfile.Options{})
	}
	if errors.Is(err, syscall.ENOSPC) && os.Remove(path+reserveSuffix) == nil {
		err = atomicfile.Write(path, append(text, '\n'), atomicfile.Options{})
	}
	if err != nil {
		return fmt.Errorf("write the journal %s: %w", path, err)
	}
	return nil
}

// The reserve is a file beside the journal, of as many bytes.
const (
	reserveSuffix = ".reserve"
	reserveBytes  = 64 << 10
)

// Reserve makes the reserve file.
func Reserve(path string) error {
	if err := atomicfile.Write(path+reserveSuffix, make([]byte, reserveBytes), atomicfile.Options{}); err != nil {
		return fmt.Errorf("reserve room for the journal: %w", err)
	}
	return nil
}

// Release removes the reserve file.
func Release(path string) error {
	if err := os.Remove(path + reserveSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("give up the room for the journal: %w", err)
	}
	return nil
}
