package cluster

import (
	"bytes"
	"os"
	"testing"
)

const linesShown = 30

// keepLogs gives the members a directory for their logs, outside of t.TempDir so
// that it can stay when the test has failed.
func (c *Cluster) keepLogs(t testing.TB) {
	t.Helper()
	dir, err := os.MkdirTemp("", "etcdward-cluster-")
	if err != nil {
		t.Fatalf("cluster: make directory for logs: %v", err)
	}
	c.logs = dir
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(dir)
			return
		}
		for _, m := range c.Members {
			log, err := os.ReadFile(m.LogFile)
			if err != nil {
				t.Logf("cluster: read log of %s: %v", m.Name, err)
				continue
			}
			t.Logf("cluster: the end of %s, which is kept:\n%s", m.LogFile, lastLines(log, linesShown))
		}
	})
}

func lastLines(log []byte, n int) []byte {
	log = bytes.TrimRight(log, "\n")
	start := len(log)
	for range n {
		start = bytes.LastIndexByte(log[:start], '\n')
		if start < 0 {
			return log
		}
	}
	return log[start+1:]
}
