package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/place"
	"golang.org/x/sys/unix"
)

// etcdUser is another user than this one, where this one may give files away.
func etcdUser() int {
	if os.Geteuid() == 0 {
		return 4321
	}
	return os.Geteuid()
}

func owner(t *testing.T, path string) int {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return int(st.Uid)
}

// mountTmpfs mounts one until the end of the test.
func mountTmpfs(t *testing.T, path, options string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can mount")
	}
	if err := unix.Mount("none", path, "tmpfs", 0, options); err != nil {
		t.Fatalf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fill takes what is free of a disk, but for some bytes.
func fill(t *testing.T, path string, but uint64) {
	t.Helper()
	var disk unix.Statfs_t
	if err := unix.Statfs(path, &disk); err != nil {
		t.Fatal(err)
	}
	free := disk.Bavail*uint64(disk.Bsize) - but
	file, err := os.Create(filepath.Join(path, "filler"))
	if err == nil {
		err = errors.Join(unix.Fallocate(int(file.Fd()), 0, 0, int64(free)), file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestSmallDisk refuses a disk without room for two copies before anything is touched, and one that is mounted for reading.
func TestSmallDisk(t *testing.T) {
	s := newSite(t)
	disk := filepath.Join(s.dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	mountTmpfs(t, disk, "size=200m")
	data := filepath.Join(disk, "etcd")
	oldDirectory(t, data)
	a := s.applier()
	a.DataDir = data
	before := digest(t, disk)
	if _, err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "not enough free space") || digest(t, disk) != before {
		t.Errorf("error %v", err)
	}
	if err := unix.Mount("none", disk, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, "size=1g"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Run(t.Context()); !errors.Is(err, unix.EROFS) || !strings.Contains(fault.Hint(err), "mounted for writing") || digest(t, disk) != before {
		t.Errorf("error %v", err)
	}
}

// TestDiskFillsUp fills the disk at every step. The old directory or the new one is in place, and once there is room another apply
// ends well.
func TestDiskFillsUp(t *testing.T) {
	for _, step := range []Step{place.StepRestoring, place.StepReady, place.StepSwitching, place.StepDone} {
		t.Run(string(step), func(t *testing.T) {
			s := newSite(t)
			disk := filepath.Join(s.dir, "disk")
			if err := os.Mkdir(disk, 0o700); err != nil {
				t.Fatal(err)
			}
			mountTmpfs(t, disk, "size=400m")
			data := filepath.Join(disk, "etcd")
			oldDirectory(t, data)
			before := digest(t, data)
			a := s.applier()
			a.DataDir = data
			a.Before = func(now Step) error {
				if now == step {
					fill(t, disk, 0)
				}
				return nil
			}
			_, err := a.Run(t.Context())
			// To switch takes no room.
			if (err == nil) != (step != place.StepRestoring) || err != nil && (!strings.Contains(err.Error(), "no space left") || digest(t, data) != before) {
				t.Fatalf("error %v", err)
			}
			if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
				t.Fatal(err)
			}
			a.Before = nil
			if out, err := a.Run(t.Context()); err != nil || out.Already != (step != place.StepRestoring) || out.Step != place.StepDone || digest(t, out.Kept) != before {
				t.Fatalf("afterwards: %+v %v", out, err)
			}
			s.holds(t, data)
		})
	}
}

// TestWithoutRoot applies as a user who may not write beside the data directory, and as one who may, to a directory of somebody else's.
func TestWithoutRoot(t *testing.T) {
	for _, c := range []struct {
		name, says string
		mode       fs.FileMode
	}{
		{"the folder is root's", "cannot write in", 0o755},
		{"the directory is root's", "belongs to user", 0o777},
	} {
		t.Run(c.name, func(t *testing.T) {
			if os.Geteuid() != 0 {
				t.Skip("NOT TESTED: only root can become somebody else")
			}
			s := killSite{site: newSite(t)}
			if err := errors.Join(os.Chmod(filepath.Dir(s.dir), 0o755), os.Chmod(s.dir, c.mode), os.Chmod(s.data, 0o700)); err != nil {
				t.Fatal(err)
			}
			before := digest(t, s.data)
			err := s.run(t, killOrder{User: 65534})
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "run this as root") || digest(t, s.data) != before {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestLabel holds that SELinux's label is carried over, to every file.
func TestLabel(t *testing.T) {
	s := newSite(t)
	want := []byte("system_u:object_r:etcd_var_lib_t:s0\x00")
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can set a security label")
	}
	if err := unix.Setxattr(s.data, place.Label, want, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.applier().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "member", "member/snap/db", "member/wal/0000000000000000-0000000000000000.wal"} {
		got := make([]byte, 100)
		n, err := unix.Getxattr(filepath.Join(s.data, name), place.Label, got)
		if err != nil || !slices.Equal(got[:n], want) {
			t.Errorf("%q: label %q, %v", name, got[:max(0, n)], err)
		}
	}
}

// asUser makes a command another user's.
func asUser(cmd *exec.Cmd, uid uint32) {
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
}

// TestBesideMember carries over what RKE2 and k3s keep beside the folder member, and goes by the name that they keep.
func TestBesideMember(t *testing.T) {
	s := newSite(t)
	for name, text := range map[string]string{"name": "m1\n", "config": "name: m1", "tombstone": ""} {
		if err := os.WriteFile(filepath.Join(s.data, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.applier().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"name": "m1\n -rw-r-----", "config": "name: m1 -rw-r-----", "tombstone": "none"} {
		got := "none"
		if info, err := os.Stat(filepath.Join(s.data, name)); err == nil {
			text, _ := os.ReadFile(filepath.Join(s.data, name))
			got = fmt.Sprintf("%s %s", text, info.Mode())
		}
		if got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
