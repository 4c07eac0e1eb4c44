// Package host is one host of a test: a configuration for a test's cluster, a store, a state directory.
package host

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/test/cluster"
)

// Host is one host. Its paths are absolute.
type Host struct {
	Dir, Config, Store, State string
}

// New writes a configuration for a cluster. more replaces the defaults of the test, each a whole top-level
// section of YAML.
func New(t testing.TB, c *cluster.Cluster, more ...string) Host {
	t.Helper()
	dir := t.TempDir()
	h := Host{Dir: dir, Config: filepath.Join(dir, "config.yaml"), Store: filepath.Join(dir, "store"), State: filepath.Join(dir, "state")}
	for _, d := range []string{h.Store, h.State} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sections := map[string]string{
		"cluster": fmt.Sprintf("cluster:\n  name: test\n  endpoints: [%s]\n  ca_file: %q\n  cert_file: %q\n  key_file: %q\n",
			strings.Join(c.Endpoints(), ", "), c.CAFile, c.CertFile, c.KeyFile),
		"metrics": "metrics: {listen: off}\n", // the tests of this machine run beside each other, and the default has one port
		"stores":  fmt.Sprintf("stores:\n  - name: primary\n    directory: {path: %s}\n", h.Store),
	}
	for _, section := range more {
		key, _, _ := strings.Cut(section, ":")
		sections[key] = section + "\n"
	}
	var text strings.Builder
	for _, section := range sections {
		text.WriteString(section)
	}
	if err := os.WriteFile(h.Config, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return h
}

// Open reads the configuration and opens its parts, as a process of the host would. The caller closes them.
func (h Host) Open() (*wire.Parts, error) {
	cfg, err := config.Load(h.Config)
	if err != nil {
		return nil, err
	}
	return wire.Open(cfg, wire.Options{StateDir: h.State, Log: slog.New(slog.DiscardHandler), Version: "test"})
}

// Parts are the opened parts, closed when the test ends.
func (h Host) Parts(t testing.TB) *wire.Parts {
	t.Helper()
	p, err := h.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// Rewrite replaces a text of the configuration, which must be there.
func (h Host) Rewrite(t testing.TB, old, replacement string) {
	t.Helper()
	text, err := os.ReadFile(h.Config)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("the configuration lacks %q:\n%s", old, text)
	}
	if err := os.WriteFile(h.Config, []byte(strings.Replace(string(text), old, replacement, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// CheckClean fails the test if an interrupted run left anything behind.
func (h Host) CheckClean(t testing.TB) {
	t.Helper()
	names := map[string]bool{}
	for _, root := range []string{h.State, h.Store} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !entry.IsDir() {
				names[strings.TrimPrefix(path, h.Dir+"/")] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range names {
		switch {
		case strings.HasPrefix(name, "state/staging/"), strings.Contains(name, ".partial"),
			strings.HasPrefix(name, "state/spool/") && !strings.HasSuffix(name, ".lock"):
			t.Errorf("left behind: %s", name)
		case strings.HasSuffix(name, ".db.zst"):
			if !names[strings.TrimSuffix(name, ".db.zst")+".json"] {
				t.Errorf("orphan: %s", name)
			}
		}
	}
}

// NextMidnight is the date, in UTC, of the next midnight that begins this day of the year: when a yearly job is due. It is written YYYY-MM-DD.
func NextMidnight(month time.Month, day int) string {
	now := time.Now().UTC()
	due := time.Date(now.Year(), month, day, 0, 0, 0, 0, time.UTC)
	if !due.After(now) {
		due = time.Date(now.Year()+1, month, day, 0, 0, 0, 0, time.UTC)
	}
	return due.Format(time.DateOnly)
}
