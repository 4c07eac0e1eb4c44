package container

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/test/await"
)

// ownCgroups makes a cgroup for the container in each hierarchy that systemd uses, below the one of this process, and returns them. systemd-nspawn
// puts all containers that are started in one cgroup into the same place below it, and there two would end each other's processes. They are removed
// with the test.
func (c *Container) ownCgroups(name string) []string {
	c.t.Helper()
	current, err := cgroups()
	if err != nil {
		c.t.Fatalf("container: find the cgroups of this process: %v", err)
	}
	var own []string
	for _, dir := range current {
		dir = filepath.Join(dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			c.t.Fatalf("container: make cgroup: %v", err)
		}
		own = append(own, dir)
	}
	c.t.Cleanup(func() {
		for _, dir := range own {
			await.Until(c.t, 20*time.Second, "container: end of the processes in "+dir, func() bool { return removeCgroup(dir) == nil })
		}
	})
	return own
}

// removeCgroup removes a cgroup with those below it, which works once they have no processes.
func removeCgroup(dir string) error {
	var all []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			all = append(all, path)
		}
		return err
	})
	for _, path := range slices.Backward(all) {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// cgroups are the folders of this process's cgroups in the hierarchies that systemd uses: the unified one, and its own of earlier times.
func cgroups() ([]string, error) {
	memberships, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer func() { _ = mounts.Close() }()
	var found []string
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		mount, super := strings.Fields(before), strings.Fields(after)
		if len(mount) < 5 || len(super) < 3 {
			continue
		}
		of := ""
		switch {
		case super[0] == "cgroup2":
			of = "0::"
		case super[0] == "cgroup" && slices.Contains(strings.Split(super[2], ","), "name=systemd"):
			of = "name=systemd:"
		default:
			continue
		}
		for line := range strings.Lines(string(memberships)) {
			if _, path, is := strings.Cut(strings.TrimSpace(line), of); is {
				found = append(found, filepath.Join(mount[4], path))
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("none of systemd's is mounted: %s", memberships)
	}
	return found, nil
}
