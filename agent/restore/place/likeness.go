package place

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

// Label is the extended attribute that SELinux goes by.
const Label = "security.selinux"

// Likeness is what a new directory takes over from the one it replaces.
type Likeness struct {
	UID, gid int
	mode     os.FileMode
	Label    []byte // nil: the host has none
}

// LikenessOf reads it. If there is no directory, the new one is 0700; run by root, it belongs to the owner of the folder, as with
// Debian's etcd.
func LikenessOf(path, folder string) (Likeness, error) {
	var st syscall.Stat_t
	err := syscall.Stat(path, &st)
	if errors.Is(err, fs.ErrNotExist) {
		l := Likeness{UID: os.Geteuid(), gid: os.Getegid(), mode: 0o700}
		if err = syscall.Stat(folder, &st); err == nil && l.UID == 0 {
			l.UID, l.gid = int(st.Uid), int(st.Gid)
		}
		return l, err
	}
	if err != nil {
		return Likeness{}, fmt.Errorf("look at %s: %w", path, err)
	}
	l := Likeness{UID: int(st.Uid), gid: int(st.Gid), mode: os.FileMode(st.Mode & 0o777)}
	text := make([]byte, 1024)
	n, err := unix.Getxattr(path, Label, text)
	switch {
	case err == nil:
		l.Label = text[:n]
	case !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP):
		return l, fmt.Errorf("read the security label of %s: %w", path, err)
	}
	return l, nil
}

// Dress gives a tree its owner and label, and the folder itself its mode.
func Dress(root string, like Likeness) error {
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && (like.UID != os.Geteuid() || like.gid != os.Getegid()) {
			err = os.Lchown(path, like.UID, like.gid)
		}
		if err == nil && like.Label != nil {
			err = unix.Lsetxattr(path, Label, like.Label, 0)
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

// CarryOver copies the files that lie beside the folder member: RKE2 and k3s keep a member's name and its configuration there. The file by
// which k3s marks a directory for deletion is not copied.
func CarryOver(from, to string) error {
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
