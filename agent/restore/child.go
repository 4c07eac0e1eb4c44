package restore

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
)

// childArgument as the first argument makes a process of this binary the one that restores. It is no verb: users
// never type it.
const childArgument = "internal-restore"

// ChildMain restores, when this process was started for that; else it returns at once. main calls it first, and so
// does the TestMain of every package whose tests restore.
func ChildMain() {
	if len(os.Args) != 3 || os.Args[1] != childArgument {
		return
	}
	go func() {
		// The parent holds the other end: no child outlives it.
		_, _ = io.Copy(io.Discard, os.Stdin)
		syscall.Exit(1)
	}()
	// Not os.Exit: the race detector holds each of those up for a second.
	var cfg snapshot.RestoreConfig
	err := json.Unmarshal([]byte(os.Args[2]), &cfg)
	if err == nil {
		err = snapshot.NewV3(zap.NewNop()).Restore(cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		syscall.Exit(1)
	}
	syscall.Exit(0)
}

// unpack restores the snapshot file for one member into the folder to, which must not exist, in a child process: etcd's
// library panics on some files. Nothing is synced yet. The child holds the lock too: should this process be killed, nobody else
// begins before the child has ended.
func unpack(ctx context.Context, p Plan, m Member, file, to string, lock *os.File, progress func(done, total int64)) error {
	argument, err := json.Marshal(snapshot.RestoreConfig{SnapshotPath: file, Name: m.Name, OutputDataDir: to, PeerURLs: m.PeerURLs,
		InitialCluster: p.InitialCluster(), InitialClusterToken: p.Token, RevisionBump: uint64(p.RevisionBump), MarkCompacted: p.MarkCompacted})
	if err != nil {
		return fmt.Errorf("restore %s: %w", file, err)
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", childArgument, string(argument))
	cmd.Env = []string{"GOTRACEBACK=none"}
	cmd.ExtraFiles = []*os.File{lock}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("restore %s: %w", file, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("restore %s: start the child: %w", file, err)
	}
	stop := watchSize(filepath.Join(to, "member", "snap", "db"), p.Snapshot.SizeBytes, progress)
	err = cmd.Wait()
	stop()
	_ = stdin.Close()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("restore %s: %w", file, context.Cause(ctx))
	case err != nil:
		line, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return fmt.Errorf("restore %s: etcd's own restore ended with %w: %.500s", file, err, line)
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
