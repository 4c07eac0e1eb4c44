package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/drill"
	"github.com/etcdward/etcdward/agent/restore"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/cluster"
)

// asEtcdward in the environment makes the test binary the program, for tests that need a process to kill.
const asEtcdward = "ETCDWARD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	snapshot.ChildMain()
	drill.ChildMain()
	restore.ChildMain()
	if os.Getenv(asEtcdward) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// site is one host: a configuration, a store, a state directory.
type site struct {
	dir, config, store, state string
}

// newSite writes a configuration for a cluster. more replaces the defaults of the test, each a whole top-level
// section of YAML.
func newSite(t *testing.T, c *cluster.Cluster, more ...string) site {
	t.Helper()
	dir := t.TempDir()
	s := site{dir: dir, config: filepath.Join(dir, "config.yaml"), store: filepath.Join(dir, "store"), state: filepath.Join(dir, "state")}
	for _, d := range []string{s.store, s.state} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sections := map[string]string{
		"cluster": fmt.Sprintf("cluster:\n  name: test\n  endpoints: [%s]\n  ca_file: %q\n  cert_file: %q\n  key_file: %q\n",
			strings.Join(c.Endpoints(), ", "), c.CAFile, c.CertFile, c.KeyFile),
		"stores": fmt.Sprintf("stores:\n  - name: primary\n    directory: {path: %s}\n", s.store),
	}
	for _, section := range more {
		key, _, _ := strings.Cut(section, ":")
		sections[key] = section + "\n"
	}
	var text strings.Builder
	for _, section := range sections {
		text.WriteString(section)
	}
	if err := os.WriteFile(s.config, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

// result is what one call of the command line gave.
type result struct {
	code     int
	out, err string
}

// etcdward calls the command line in this process.
func (s site) etcdward(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	all := append([]string{"--config", s.config, "--state-dir", s.state}, args...)
	code := run(context.Background(), all, stdio{strings.NewReader(""), &out, &errs})
	return result{code, out.String(), errs.String()}
}

// must is etcdward that has to end with exit code 0.
func (s site) must(t *testing.T, args ...string) string {
	t.Helper()
	r := s.etcdward(t, args...)
	if r.code != 0 {
		t.Fatalf("etcdward %v: exit %d\n%s%s", args, r.code, r.out, r.err)
	}
	return r.out
}

// mustJSON is must whose output is read into v.
func (s site) mustJSON(t *testing.T, v any, args ...string) {
	t.Helper()
	out := s.must(t, append([]string{"-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("etcdward %v: %v\n%s", args, err, out)
	}
}

// snapshot takes one and gives its manifest.
func (s site) snapshot(t *testing.T) snapshot.Manifest {
	t.Helper()
	var m snapshot.Manifest
	s.mustJSON(t, &m, "snapshot")
	return m
}
