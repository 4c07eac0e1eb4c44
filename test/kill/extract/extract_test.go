package extract

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/extract"
	"github.com/etcdward/etcdward/test/fixture"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/program"
)

// packed is the snapshot of a real Kubernetes cluster.
const packed = "../../../agent/snapshot/testdata/kubernetes-1.34-etcd-3.6.db.zst"

// TestExtractKilled kills extractions at random moments: what was not finished is seen as such, by people and by the next run.
func TestExtractKilled(t *testing.T) {
	dir := t.TempDir()
	plain := fixture.File(t, packed, dir)
	// A file is read without a configuration.
	s := program.On{Host: host.Host{Config: filepath.Join(dir, "none.yaml"), State: filepath.Join(dir, "none")}}
	start := func(output string) *program.Process {
		return s.Start(t, "extract", "--file", plain, "--output", output)
	}
	begun := time.Now()
	if err := start(filepath.Join(dir, "whole")).Wait(); err != nil {
		t.Fatal(err)
	}
	lasts := time.Since(begun)
	cutShort, finished := 0, 0
	for i := 0; cutShort < 10; i++ {
		output := filepath.Join(dir, fmt.Sprint(i))
		p := start(output)
		timer := time.NewTimer(rand.N(lasts * 3 / 2))
		<-timer.C
		_ = p.Cmd.Process.Kill() // it may have ended
		_ = p.Wait()
		_, indexed := os.Stat(filepath.Join(output, extract.IndexName))
		entries, err := os.ReadDir(output)
		switch {
		case indexed == nil:
			finished++
			if files := linesOf(t, filepath.Join(output, extract.IndexName)); files != 595 || len(entries) != 2 {
				t.Errorf("finished with %d files, %v", files, entries)
			}
		case err == nil && len(entries) > 0:
			cutShort++
			r := s.Run(t, "extract", "--file", plain, "--output", output)
			if r.Code != program.Failed || !strings.Contains(r.Err, "cut off\nTry: rm -r "+output) {
				t.Errorf("the next run: exit %d %s%s", r.Code, r.Out, r.Err)
			}
		}
	}
	t.Logf("%d cut short, %d finished before", cutShort, finished)
}

// linesOf is how many lines a file has.
func linesOf(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}
