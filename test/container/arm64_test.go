package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/test/cluster"
)

// emulate makes the kernel run arm64 programs by qemu, in a namespace of its own: the verifying child, too, is one.
const emulate = `set -e
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
printf %s "$(cat /usr/lib/binfmt.d/qemu-aarch64.conf)" >/proc/sys/fs/binfmt_misc/register
exec "$@"`

// TestArm64 runs the binary of the arm64 package.
func TestArm64(t *testing.T) {
	_, folder := packages(t)
	found, err := filepath.Glob(filepath.Join(folder, "*_arm64.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("arm64 packages in %s: %v, %v", folder, found, err)
	}
	if _, err := os.Stat("/usr/lib/binfmt.d/qemu-aarch64.conf"); err != nil {
		t.Fatal("qemu is not installed: apt-get install qemu-user-static")
	}
	dir := t.TempDir()
	if out, err := exec.Command("dpkg", "--extract", found[0], dir).CombinedOutput(); err != nil {
		t.Fatalf("dpkg: %v: %s", err, out)
	}
	snapshot, config := filepath.Join(dir, "snapshot.db"), filepath.Join(dir, "config.yaml")
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 100)
	c.Members[0].Etcdctl(t, "snapshot", "save", snapshot)
	if err := os.WriteFile(config, []byte("cluster: {name: prod}\nstores: [{name: nas, directory: {path: /mnt}}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"linux/arm64":          {"version"},
		"ok: cluster prod":     {"config", "check", "--config", config},
		"SOUND":                {"verify", "--file", snapshot},
		"Check pages:      ok": {"verify", "--quiet", "--file", snapshot},
	} {
		cmd := exec.Command("unshare", append([]string{"--user", "--map-root-user", "--mount", "sh", "-c", emulate, "sh", filepath.Join(dir, "usr/bin/etcdward")}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("etcdward %q: %v, want %q:\n%s", args, err, want, out)
		}
	}
}
