package extract

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// fullVariable in the environment makes the test binary a child that has a small file system to itself, on the folder named.
const fullVariable = "ETCDWARD_TEST_FULL"

// TestFull holds that a disk that runs full is named, and that nothing is left on it; and that one which takes nothing is named once.
func TestFull(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", fixtureFile(t))
	cmd.Env = append(os.Environ(), fullVariable+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("extract to a full file system: %v: %s", err, out)
	}
}

func fillUp(folder, path string) error {
	if err := unix.Mount("none", folder, "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	e := Extractor{Selection: Selection{Prefix: Registry}}
	// The mount point is an empty folder, and one below it is made.
	for _, output := range []string{folder, filepath.Join(folder, "below")} {
		if _, err := e.Run(context.Background(), path, output); !errors.Is(err, unix.ENOSPC) {
			return fmt.Errorf("Run: got error %w, want ENOSPC", err)
		}
		if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
			return fmt.Errorf("left on the disk: %v, error %w", entries, err)
		}
	}
	e.Selection.Namespace = "team-1"
	if _, err := e.Run(context.Background(), path, folder); err != nil {
		return err
	}
	return takeNothing(folder, path)
}

func takeNothing(folder, path string) error {
	empty := filepath.Join(folder, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("none", folder, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mount read-only: %w", err)
	}
	for _, output := range []string{empty, filepath.Join(folder, "new")} {
		e := Extractor{Selection: Selection{Prefix: Registry}}
		_, err := e.Run(context.Background(), path, output)
		if !errors.Is(err, unix.EROFS) || strings.ContainsAny(err.Error(), "\n;") || !strings.Contains(err.Error(), output) {
			return fmt.Errorf("Run on a read-only file system: got error %w", err)
		}
	}
	return nil
}
