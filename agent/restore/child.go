package restore

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
	"github.com/etcdward/etcdward/agent/restore/plan"
)

// unpacking restores with etcd's library, in a process of its own.
var unpacking = child.Task{Name: "internal-restore", Args: 1, Do: unpackMain}

// ChildMain restores, when this process was started for that; else it returns at once. main calls it first, and so
// does the TestMain of every package whose tests restore.
func ChildMain() { unpacking.Main() }

// unpackMain is the child of unpack.
func unpackMain(args []string) error {
	var cfg snapshot.RestoreConfig
	if err := json.Unmarshal([]byte(args[0]), &cfg); err != nil {
		return err
	}
	return snapshot.NewV3(zap.NewNop()).Restore(cfg)
}

// unpack restores the snapshot file for one member into the folder to, which must not exist, in a child process: etcd's
// library panics on some files. Nothing is synced yet. The child holds the lock too: if this process is killed, no other run
// begins before the child has ended.
func unpack(ctx context.Context, p plan.Plan, m plan.Member, file, to string, lock *os.File, progress func(done, total int64)) error {
	argument, err := json.Marshal(snapshot.RestoreConfig{SnapshotPath: file, Name: m.Name, OutputDataDir: to, PeerURLs: m.PeerURLs,
		InitialCluster: p.InitialCluster(), InitialClusterToken: p.Token, RevisionBump: uint64(p.RevisionBump), MarkCompacted: p.MarkCompacted,
		SkipHashCheck: p.Snapshot.Bare})
	if err != nil {
		return fmt.Errorf("restore %s: %w", file, err)
	}
	stop := watchSize(filepath.Join(to, "member", "snap", "db"), p.Snapshot.SizeBytes, progress)
	_, err = unpacking.Run(ctx, []string{string(argument)}, lock)
	stop()
	var death *child.Death
	switch {
	case errors.As(err, &death):
		return fmt.Errorf("restore %s: etcd's own restore: %w", file, err)
	case err != nil:
		return fmt.Errorf("restore %s: %w", file, err)
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
