// Package unpack turns a snapshot file into the data directory of a member, with etcd's own library in a child process: the library
// panics on some files. It knows neither plans nor stores.
//
// Its one invariant: the folder that it writes did not exist before, and nothing else is touched.
package unpack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"

	"github.com/etcdward/etcdward/agent/child"
)

// restoring is the child process of Run.
var restoring = child.Task{Name: "internal-restore", Args: 1, Do: restoreMain}

// ChildMain restores if this process was started for that; otherwise it returns at once. main calls it first, and so does the TestMain of
// every package whose tests restore.
func ChildMain() { restoring.Main() }

// Order says what to restore, for which member, and where to.
type Order struct {
	// File is the plain snapshot file, and To the data directory, which must not exist.
	File, To string
	// SizeBytes of the file, for the progress.
	SizeBytes int64
	// Bare means that the file has no SHA-256 trailer: a database that was copied.
	Bare bool

	// Name of the member, PeerURLs, InitialCluster and Token are the values of etcd's flags of those names.
	Name, InitialCluster, Token string
	PeerURLs                    []string
	// Bump is added to the revision; MarkCompacted says that everything up to then is compacted. 0 and false leave the revision alone.
	Bump          int64
	MarkCompacted bool

	// Gentle makes the child give way to every other process of the host.
	Gentle bool
}

// work is what the child is told.
type work struct {
	Config snapshot.RestoreConfig
	Gentle bool
}

// restoreMain runs in the child.
func restoreMain(args []string) error {
	var w work
	if err := json.Unmarshal([]byte(args[0]), &w); err != nil {
		return err
	}
	if w.Gentle {
		child.GiveWay()
	}
	return snapshot.NewV3(zap.NewNop()).Restore(w.Config)
}

// Run restores. Nothing is synced yet. The child keeps the given files open until it has ended, and keeps their locks, even if this process is
// killed earlier. An error means that the directory is not whole; one that wraps a child.Death that etcd's own restore refused the file.
func Run(ctx context.Context, o Order, progress func(done, total int64), held ...*os.File) error {
	argument, err := json.Marshal(work{Gentle: o.Gentle, Config: snapshot.RestoreConfig{SnapshotPath: o.File, Name: o.Name, OutputDataDir: o.To, PeerURLs: o.PeerURLs,
		InitialCluster: o.InitialCluster, InitialClusterToken: o.Token, RevisionBump: uint64(o.Bump), MarkCompacted: o.MarkCompacted,
		SkipHashCheck: o.Bare}})
	if err != nil {
		return fmt.Errorf("restore %s: %w", o.File, err)
	}
	stop := watchSize(filepath.Join(o.To, "member", "snap", "db"), o.SizeBytes, progress)
	_, err = restoring.Run(ctx, []string{string(argument)}, held...)
	stop()
	var death *child.Death
	switch {
	case errors.As(err, &death):
		return fmt.Errorf("restore %s: etcd's own restore: %w", o.File, err)
	case err != nil:
		return fmt.Errorf("restore %s: %w", o.File, err)
	}
	return nil
}

// watchSize reports the size of a file that another process writes, until the function it gives is called.
func watchSize(path string, total int64, progress func(done, total int64)) (stop func()) {
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				if info, err := os.Stat(path); err == nil {
					progress(min(info.Size(), total), total)
				}
			}
		}
	}()
	return func() { close(ended); <-gone }
}
