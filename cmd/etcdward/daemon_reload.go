package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// runtimeDirectory is where systemd tells the unit's processes that their folder in /run is: the daemon, and the check that a reload
// makes, which knows by it what the daemon cannot take without a restart.
const runtimeDirectory = "RUNTIME_DIRECTORY"

func clusterNote() string {
	if dir := os.Getenv(runtimeDirectory); dir != "" {
		return filepath.Join(dir, "cluster")
	}
	return ""
}

// noteCluster writes down whose daemon this is; outside of systemd it does nothing.
func noteCluster(name string) error {
	path := clusterNote()
	if path == "" {
		return nil
	}
	return os.WriteFile(path, []byte(name+"\n"), 0o644)
}

// otherCluster means that a daemon was asked to go on as another cluster's.
type otherCluster struct{ now, was string }

func (o otherCluster) Error() string {
	return fmt.Sprintf("cluster.name is %s now, and was %s: that takes a restart", o.now, o.was)
}

// sameCluster makes sure, where this is a process of the unit, that the daemon could take the name.
func sameCluster(name string) error {
	path := clusterNote()
	if path == "" {
		return nil
	}
	noted, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if was := strings.TrimSpace(string(noted)); was != name {
		return otherCluster{name, was}
	}
	return nil
}
