package apiserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/test/cluster"
)

// TestServer checks that the server is the release that its name says, listens on loopback alone, and is gone after the test.
func TestServer(t *testing.T) {
	var pid int
	t.Run("running", func(t *testing.T) {
		s := Start(t, cluster.Start(t, cluster.Options{Members: 1, Plain: true, Args: []string{cluster.NoFsync}}))
		pid = s.pid
		out, err := s.Kubectl(t, "version", "-o", "yaml")
		if err != nil || strings.Count(out, "gitVersion: "+Version) != 2 {
			t.Errorf("%v\n%s", err, out)
		}
		addresses := listening(t, pid)
		if len(addresses) != 1 || !strings.HasPrefix(addresses[0], "0100007F:") {
			t.Errorf("it listens on %v", addresses)
		}
		if _, err := s.Kubectl(t, "get", "nothings"); err == nil || !strings.Contains(err.Error(), "nothings") {
			t.Errorf("%v", err)
		}
	})
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); !os.IsNotExist(err) {
		t.Errorf("the process is there: %v", err)
	}
}

// listening returns the addresses that a process listens on, as the kernel writes them.
func listening(t *testing.T, pid int) []string {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d", pid)
	sockets := map[string]bool{}
	descriptors, err := filepath.Glob(folder + "/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, descriptor := range descriptors {
		if name, err := os.Readlink(descriptor); err == nil {
			sockets[strings.TrimSuffix(strings.TrimPrefix(name, "socket:["), "]")] = true
		}
	}
	var all []string
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(folder + "/net/" + table)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); len(words) > 9 && words[3] == "0A" && sockets[words[9]] {
				all = append(all, words[1])
			}
		}
	}
	return all
}
