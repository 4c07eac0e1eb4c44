package unit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRead takes of a unit, its drop-ins and its environment files what systemd would.
func TestRead(t *testing.T) {
	root := fstest.MapFS{}
	for name, text := range map[string]string{
		"lib/systemd/system/a.service":              "[Service]\nEnvironment=A=unit B=unit C=unit\nEnvironmentFile=-/etc/a-*.env\nEnvironmentFile=-/etc/none\nExecStart=-/bin/a --host=%H $A\n",
		"usr/lib/systemd/system/a.service.d/1.conf": "[Service]\nEnvironment=A=vendor B=vendor\n",
		"etc/systemd/system/a.service.d/1.conf":     "[Service]\nEnvironment=B=own\n",
		"etc/a-1.env":                               "C=first\nD=first\n",
		"etc/a-2.env":                               "D=second\n",
		"etc/systemd/system/b.service":              "[Service]\nExecStart=/bin/b\n",
		"lib/systemd/system/b.service":              "[Service]\nExecStart=/bin/never\n",
		"lib/systemd/system/c.service":              "[Service]\nExecStart=/bin/never\n",
		"etc/systemd/system/c.service.d/x.conf":     "[Service]\nExecStart=\nExecStart=/bin/c\n",
	} {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, want := range map[string]string{"a": "/bin/a --host=h vendor | vendor own first second | /lib/systemd/system/a.service false",
		"b": "/bin/b |     | /etc/systemd/system/b.service true", "c": "/bin/c |     | /etc/systemd/system/c.service.d/x.conf true"} {
		u, err := Read(root, name, "h")
		if err != nil {
			t.Fatal(err)
		}
		var words, env []string
		for _, w := range u.Exec {
			words = append(words, w.Text)
		}
		for _, name := range []string{"A", "B", "C", "D"} {
			env = append(env, u.Env[name].Value)
		}
		own := map[bool]string{true: "true", false: "false"}[u.OfAdministrator()]
		if got := strings.Join(words, " ") + " | " + strings.Join(env, " ") + " | " + u.File + " " + own; got != want {
			t.Errorf("%s: got  %s\nwant %s", name, got, want)
		}
	}
	if _, err := Read(root, "none", "h"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}

// TestNames passes over aliases and masked units, which are links, and takes a unit that was linked from elsewhere.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "etc", "systemd", "system")
	err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, "own.service"), nil, 0o600),
		os.Symlink("/lib/systemd/system/etcd.service", filepath.Join(folder, "etcd2.service")), os.Symlink("/dev/null", filepath.Join(folder, "masked.service")),
		os.Symlink("/opt/linked.service", filepath.Join(folder, "linked.service")))
	if err != nil {
		t.Fatal(err)
	}
	within, err := os.OpenRoot(dir) // which follows no link out
	if err != nil {
		t.Fatal(err)
	}
	defer within.Close()
	if u, err := Read(within.FS(), "masked", "h"); err != nil || len(u.Exec) > 0 {
		t.Errorf("masked: %+v, %v", u, err)
	}
	names, err := Names(within.FS())
	if got := strings.Join(names, " "); err != nil || got != "etcd linked own" {
		t.Errorf("got %s, %v", got, err)
	}
}
