// Package place holds where everything of one restore lies on a host: the data directory as it was, the restored one, and the journal that
// tells which is which. It knows nothing of etcd and of static pods.
//
// Its one invariant: at every moment, killed or not, both directories are whole somewhere beside each other; a rename that the
// journal and the inodes do not explain is not made.
package place

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"
	"golang.org/x/sys/unix"
)

// Layout is where everything of one restore lies: beside the data directory; or inside it, beside the folder member, if the
// data directory is a mount point and cannot be renamed.
type Layout struct {
	Data    string // the data directory
	Live    string // what is switched: the data directory, or member in it
	Work    string // the data directory in the making
	Fresh   string // what takes live's place: work, or member in it
	Old     string // where live is kept
	Check   string // the copy that etcd is booted on
	Journal string
	short   string
}

// layoutOf decides on the paths.
func layoutOf(dataDir, short string, mounted bool) Layout {
	l := Layout{Data: dataDir, Live: dataDir, Old: dataDir + ".etcdward-old-" + short, short: short}
	base := dataDir + "."
	if mounted {
		base = dataDir + "/"
		l.Live, l.Old = filepath.Join(dataDir, "member"), filepath.Join(dataDir, "member.etcdward-old-"+short)
	}
	l.Work, l.Check, l.Journal = base+"etcdward-new-"+short, base+"etcdward-check-"+short, base+"etcdward-journal-"+short+".json"
	l.Fresh = l.Work
	if mounted {
		l.Fresh = filepath.Join(l.Work, "member")
	}
	return l
}

// Folder that holds all of them.
func (l Layout) Folder() string { return filepath.Dir(l.Journal) }

// UndoneName is a new name for a restored directory that a rollback takes away again.
func (l Layout) UndoneName(stamp string) string {
	return l.Live + ".etcdward-undone-" + l.short + "-" + stamp
}

// Locate finds the data directory: links are followed, so that what is renamed is the directory itself.
func Locate(dataDir, short string) (Layout, error) {
	real, err := filepath.EvalSymlinks(dataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if to, err := os.Readlink(dataDir); err == nil {
			return Layout{}, fault.WithHint(fmt.Errorf("data directory %s: it is a link to %s, which is not there", dataDir, to), "is its disk mounted? Else make the folder, or remove the link")
		}
		real = dataDir
		if parent, err := filepath.EvalSymlinks(filepath.Dir(dataDir)); err == nil {
			real = filepath.Join(parent, filepath.Base(dataDir))
		}
	case err != nil:
		return Layout{}, fmt.Errorf("data directory: %w", err)
	}
	mounted, err := isMountPoint(real)
	if err != nil {
		return Layout{}, err
	}
	return layoutOf(real, short, mounted), nil
}

// isMountPoint reads what the kernel says of this process's mounts.
func isMountPoint(path string) (bool, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false, fmt.Errorf("data directory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) > 4 && strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(fields[4]) == path {
			return true, nil
		}
	}
	return false, nil
}

// Identity is what stays of a directory when it is renamed, and when the host boots again: the number of its device may be
// another one then. Zero: there is none.
type Identity struct {
	Inode uint64 `json:"inode"`
	// Born in Unix nanoseconds, since inodes are used again; 0 where the file system does not tell.
	Born int64 `json:"born"`
}

// Identify looks at a path, without following links.
func Identify(path string) (Identity, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_BTIME, &st)
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, nil
	}
	if err != nil {
		return Identity{}, fmt.Errorf("look at %s: %w", path, err)
	}
	id := Identity{Inode: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		id.Born = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return id, nil
}

// Is reports whether the directory at a path is the one with this identity.
func Is(path string, id Identity) (bool, error) {
	found, err := Identify(path)
	return err == nil && found == id && id != Identity{}, err
}

// isEmpty reports whether there is nothing at path, or an empty folder. A file system's own lost+found does not count.
func isEmpty(path string) (bool, error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", path, err)
	}
	for _, e := range entries {
		if e.Name() != "lost+found" && !strings.Contains(e.Name(), "etcdward-") {
			return false, nil
		}
	}
	return true, nil
}

// Clear removes what is in the making.
func (l Layout) Clear() error {
	return errors.Join(os.RemoveAll(l.Work), os.RemoveAll(l.Check), os.RemoveAll(l.Check+".log"))
}

// AsBefore reports whether the directory from before the switch is in place, so that nothing has to stop for a rollback.
func (l Layout) AsBefore(j Journal) (bool, error) {
	if j.New == (Identity{}) {
		return true, nil // the switch was not begun
	}
	found, err := Identify(l.Live)
	return found == j.Old, err
}

// Kept is where the replaced directory is.
func (l Layout) Kept(j Journal) string {
	if j.Old == (Identity{}) {
		return ""
	}
	return l.Old
}
