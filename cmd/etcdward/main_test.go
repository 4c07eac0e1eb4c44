package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/unpack"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
)

// asEtcdward in the environment makes the test binary the program, for tests that need a process to kill.
const asEtcdward = "ETCDWARD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	snapshot.ChildMain()
	scratch.ChildMain()
	unpack.ChildMain()
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
	h := host.New(t, c, more...)
	return site{h.Dir, h.Config, h.Store, h.State}
}

// edit replaces a text in the configuration.
func (s site) edit(t *testing.T, text, by string) {
	t.Helper()
	host.Host{Config: s.config}.Rewrite(t, text, by)
}

// parts are those of the host, as its daemon has them.
func (s site) parts(t *testing.T) *wire.Parts {
	t.Helper()
	return host.Host{Config: s.config, State: s.state}.Parts(t)
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
