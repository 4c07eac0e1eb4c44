package systemctl

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/unit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeSystemctl stands in for systemd: it notes what it is told, and units are in the state that a file names.
func fakeSystemctl(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	scripts := map[string]string{
		"systemctl": "#!/bin/sh\ncd " + folder + "\necho \"$*\" >>calls\ncase $1 in\n" +
			"is-active) cat \"$2\" 2>/dev/null || { echo inactive; exit 3; } ;;\n" +
			"show) cat status 2>/dev/null ;;\n" +
			"start|restart) [ ! -e broken ] || { echo 'Job failed.' >&2; exit 1; }; echo active >\"$2\" ;;\nesac\n",
		"journalctl": "#!/bin/sh\necho 'level=ERROR msg=\"no such store\"'\n",
	}
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	return folder
}

// TestApply holds what systemd is told, for what was written and what runs.
func TestApply(t *testing.T) {
	units := []string{unit.Service, unit.Certs}
	for name, c := range map[string]struct {
		running []string
		changes Changes
		want    string
	}{
		"a new host":            {nil, Changes{Units: true, Restart: true, Reload: true}, "daemon-reload, enable etcdward.service etcdward-certs.path, start etcdward.service, start etcdward-certs.path"},
		"nothing differs":       {units, Changes{}, "enable etcdward.service etcdward-certs.path"},
		"stopped, no change":    {nil, Changes{}, "enable etcdward.service etcdward-certs.path, start etcdward.service, start etcdward-certs.path"},
		"another configuration": {units, Changes{Reload: true}, "enable etcdward.service etcdward-certs.path, reload etcdward.service"},
		"another name":          {units, Changes{Reload: true, Restart: true}, "enable etcdward.service etcdward-certs.path, restart etcdward.service"},
		"another drop-in":       {units, Changes{Units: true, Reload: true, Restart: true}, "daemon-reload, enable etcdward.service etcdward-certs.path, restart etcdward.service, restart etcdward-certs.path"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := fakeSystemctl(t)
			for _, unit := range c.running {
				if err := os.WriteFile(filepath.Join(folder, unit), []byte("active\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := (Manager{}).Apply(t.Context(), units, c.changes); err != nil {
				t.Fatal(err)
			}
			calls, err := os.ReadFile(filepath.Join(folder, "calls"))
			if err != nil {
				t.Fatal(err)
			}
			var told []string
			for line := range strings.Lines(string(calls)) {
				if !strings.HasPrefix(line, "is-active") {
					told = append(told, strings.TrimSpace(line))
				}
			}
			if got := strings.Join(told, ", "); got != c.want {
				t.Errorf("told %s\nwant %s", got, c.want)
			}
		})
	}
	t.Run("it does not start", func(t *testing.T) {
		folder := fakeSystemctl(t)
		if err := os.WriteFile(filepath.Join(folder, "broken"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		err := (Manager{}).Apply(t.Context(), units, Changes{})
		if err == nil || !strings.Contains(err.Error(), "Job failed.") || !strings.Contains(err.Error(), "no such store") || !strings.Contains(fault.Hint(err), "journalctl") {
			t.Errorf("got %v", err)
		}
	})
}

// TestStartWithoutCredential holds that the file is named when systemd ends a start with 243/CREDENTIALS.
func TestStartWithoutCredential(t *testing.T) {
	for status, names := range map[string]bool{"243": true, "1": false} {
		folder := fakeSystemctl(t)
		if err := errors.Join(os.WriteFile(filepath.Join(folder, "broken"), nil, 0o644), os.WriteFile(filepath.Join(folder, "status"), []byte(status+"\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
		m := Manager{Lacking: func() []string { return []string{"/nonexistent/s3 is not there (credential s3-primary)"} }}
		err := m.Apply(t.Context(), []string{unit.Service}, Changes{})
		if err == nil || strings.Contains(err.Error(), "243/CREDENTIALS: a credential could not be handed over; /nonexistent/s3 is not there (credential s3-primary)") != names {
			t.Errorf("status %s: %v", status, err)
		}
	}
}
