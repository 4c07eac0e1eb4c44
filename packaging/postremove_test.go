package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/atomicfile"
)

// TestPurgeLeavesNothing runs what a purge runs, in a folder, over what setup writes and over what it leaves when it is killed.
func TestPurgeLeavesNothing(t *testing.T) {
	root := t.TempDir()
	text, err := os.ReadFile("scripts/postremove")
	if err != nil {
		t.Fatal(err)
	}
	script := strings.NewReplacer("/etc/", root+"/etc/", "/var/", root+"/var/", "/run/", root+"/run/", "deb-systemd-helper", "no-such-helper").Replace(string(text))
	const config, theirs = "etc/etcdward/config.yaml", "etc/systemd/system/etcdward.service.d/theirs.conf"
	for _, name := range []string{"etc/systemd/system/etcdward.service.d/setup.conf", "etc/systemd/system/etcdward-certs.path.d/setup.conf",
		"etc/systemd/system/etcdward-certs.service.d/setup.conf", config, theirs} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if name != theirs {
			leaveInTheMaking(t, path)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(root, config)); err != nil { // dpkg does
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-s", "purge")
	cmd.Stdin = strings.NewReader(script)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	var left []string
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left = append(left, strings.TrimPrefix(path, root+"/"))
		}
		return err
	})
	if err != nil || !slices.Equal(left, []string{theirs}) {
		t.Errorf("left are %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(root, "etc/etcdward")); err == nil {
		t.Error("the folder of the configuration is there")
	}
}

// leaveInTheMaking leaves what a process leaves that is killed while it replaces a file.
func leaveInTheMaking(t *testing.T, path string) {
	t.Helper()
	folder, kept := filepath.Dir(path), filepath.Join(t.TempDir(), "kept")
	catch := func(*os.File) error {
		made, err := filepath.Glob(filepath.Join(folder, ".*"))
		if err == nil && len(made) == 1 {
			err = os.Link(made[0], kept)
			if err == nil {
				err = os.WriteFile(kept+".name", []byte(filepath.Base(made[0])), 0o600)
			}
			return err
		}
		return err // the sync of the folder, after the rename
	}
	if err := atomicfile.Write(path, []byte("cut"), atomicfile.Options{Sync: catch}); err != nil {
		t.Fatal(err)
	}
	name, err := os.ReadFile(kept + ".name")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(kept, filepath.Join(folder, string(name))); err != nil {
		t.Fatal(err)
	}
}
