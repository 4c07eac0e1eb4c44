package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// label is the extended attribute that SELinux goes by.
const label = "security.selinux"

// likeness is what a new directory takes over from the one it replaces.
type likeness struct {
	uid, gid int
	mode     os.FileMode
	label    []byte // nil: the host has none
}

// likenessOf reads it. Where there is no directory it is 0700 and, if root asks, of whoever has the folder: Debian's etcd has the one
// that its data directory is made in.
func likenessOf(path, folder string) (likeness, error) {
	var st syscall.Stat_t
	err := syscall.Stat(path, &st)
	if errors.Is(err, fs.ErrNotExist) {
		l := likeness{uid: os.Geteuid(), gid: os.Getegid(), mode: 0o700}
		if err = syscall.Stat(folder, &st); err == nil && l.uid == 0 {
			l.uid, l.gid = int(st.Uid), int(st.Gid)
		}
		return l, err
	}
	if err != nil {
		return likeness{}, fmt.Errorf("look at %s: %w", path, err)
	}
	l := likeness{uid: int(st.Uid), gid: int(st.Gid), mode: os.FileMode(st.Mode & 0o777)}
	text := make([]byte, 1024)
	n, err := unix.Getxattr(path, label, text)
	switch {
	case err == nil:
		l.label = text[:n]
	case !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP):
		return l, fmt.Errorf("read the security label of %s: %w", path, err)
	}
	return l, nil
}

// dress gives a tree the owner and the label; the folder itself the mode as well.
func dress(root string, like likeness) error {
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && (like.uid != os.Geteuid() || like.gid != os.Getegid()) {
			err = os.Lchown(path, like.uid, like.gid)
		}
		if err == nil && like.label != nil {
			err = unix.Lsetxattr(path, label, like.label, 0)
		}
		return err
	})
	if err == nil {
		err = os.Chmod(root, like.mode)
	}
	if err != nil {
		return fmt.Errorf("give %s its owner: %w", root, err)
	}
	return nil
}

// maxBeside bounds a file that lies beside the folder member.
const maxBeside = 1 << 20

// carryOver copies the files that lie beside the folder member: RKE2 and k3s keep a member's name and its configuration there. What k3s
// marks a directory with that it is to delete is not copied.
func carryOver(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copy what lies beside member: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && (!info.Mode().IsRegular() || info.Size() > maxBeside || e.Name() == "tombstone" || strings.HasPrefix(e.Name(), "etcdward-")) {
			continue
		}
		var text []byte
		if err == nil {
			text, err = os.ReadFile(filepath.Join(from, e.Name()))
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, e.Name()), text, info.Mode().Perm())
		}
		if err != nil {
			return fmt.Errorf("copy what lies beside member: %w", err)
		}
	}
	return nil
}
