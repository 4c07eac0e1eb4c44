package account

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/setup/hostfs"
	"github.com/etcdward/etcdward/test/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAs holds that a folder is tried as the daemon would, and that the change of user ends with the trial.
func TestAs(t *testing.T) {
	nobody := &user.User{Username: "nobody", Uid: "65534", Gid: "65534"}
	folder := t.TempDir()
	theirs := filepath.Join(folder, "theirs")
	if err := errors.Join(os.Chmod(folder, 0o755), os.Mkdir(theirs, 0o755)); err != nil {
		t.Fatal(err)
	}
	err := As(nobody, func() error { return os.WriteFile(filepath.Join(theirs, "x"), nil, 0o600) })
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("another's folder: got %v", err)
	}
	if os.Geteuid() != 0 {
		return // nobody but root can become another
	}
	if err := os.Chown(theirs, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	access.Open(t, theirs)
	if err := As(nobody, func() error { return os.Mkdir(filepath.Join(theirs, "y"), 0o700) }); err != nil {
		t.Errorf("a folder of one's own: got %v", err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(filepath.Join(theirs, "y"), &stat); err != nil || stat.Uid != 65534 || stat.Gid != 65534 {
		t.Errorf("what was made belongs to %d:%d, %v", stat.Uid, stat.Gid, err)
	}
	if err := os.WriteFile(filepath.Join(theirs, "z"), nil, 0o600); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestAsHasItsGroups holds that a file is tried with the groups that systemd gives the agent.
func TestAsHasItsGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		return // nobody but root can become another
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	groups, err := groupsOf(u)
	if err != nil || len(groups) == 0 {
		t.Fatalf("got %v, %v", groups, err)
	}
	const extra = 65531
	file := filepath.Join(t.TempDir(), "x")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chown(file, 0, extra), os.Chmod(file, 0o640)); err != nil {
		t.Fatal(err)
	}
	access.Open(t, filepath.Dir(file))
	look := func(groups ...uint32) error {
		return as(65534, 65534, groups, func() error { _, err := os.ReadFile(file); return err })
	}
	if err := look(extra); err != nil {
		t.Errorf("as one of the group: %v", err)
	}
	if err := look(); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("as a stranger: %v", err)
	}
}

// TestReads holds how rights are judged if nobody can act as the agent.
func TestReads(t *testing.T) {
	// The agent is somebody else than whoever runs this test.
	agent := os.Geteuid() + 65000
	passwd := fmt.Sprintf("root:x:0:0::/root:/bin/sh\netcdward:x:%d:%d::/:/x\n", agent, agent)
	const group = "root:x:0:\netcd:x:64000:a,etcdward\n"
	for name, c := range map[string]struct {
		passwd       string
		folder, file os.FileMode
		uid, gid     int
		may          bool
	}{
		"all may":              {passwd, 0o755, 0o644, 0, 0, true},
		"root alone":           {passwd, 0o755, 0o600, 0, 0, false},
		"a folder of root":     {passwd, 0o700, 0o644, 0, 0, false},
		"its own":              {passwd, 0o755, 0o400, agent, 0, true},
		"its own, and not":     {passwd, 0o755, 0o044, agent, 0, false},
		"of a group it is in":  {passwd, 0o755, 0o640, 0, 64000, true},
		"of another group":     {passwd, 0o755, 0o640, 0, 64001, false},
		"there is no user yet": {"", 0o755, 0o640, agent, 64000, false},
	} {
		t.Run(name, func(t *testing.T) {
			if os.Geteuid() != 0 {
				// Nobody but root gives files away: the agent is a stranger to all of them.
				c.uid, c.gid, c.may = -1, -1, c.folder&0o1 != 0 && c.file&0o4 != 0
			}
			root := t.TempDir()
			for _, folder := range []string{"etc", "pki"} {
				if err := os.Mkdir(filepath.Join(root, folder), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for name, text := range map[string]string{"etc/passwd": c.passwd, "etc/group": group, "pki/key": ""} {
				if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for name, mode := range map[string]os.FileMode{"pki": c.folder, "pki/key": c.file} {
				path := filepath.Join(root, name)
				if err := errors.Join(os.Chown(path, -1, -1), os.Chmod(path, mode)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chown(filepath.Join(root, "pki/key"), c.uid, c.gid); err != nil {
				t.Fatal(err)
			}
			host, err := hostfs.Open(root)
			if err != nil {
				t.Fatal(err)
			}
			defer host.Close()
			if err := Reads(host, "/pki/key"); (err == nil) != c.may || err != nil && !errors.Is(err, fs.ErrPermission) {
				t.Errorf("got %v", err)
			}
		})
	}
}
