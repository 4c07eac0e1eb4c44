package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// layout is where everything of one restore lies: beside the data directory, or, where that is a mount point and cannot
// be renamed, inside it, beside the folder member.
type layout struct {
	data    string // the data directory
	live    string // what is switched: the data directory, or member in it
	work    string // the data directory in the making
	fresh   string // what takes live's place: work, or member in it
	old     string // where live is kept
	check   string // the copy that etcd is booted on
	journal string
	short   string
}

// layoutOf decides on the paths.
func layoutOf(dataDir, short string, mounted bool) layout {
	l := layout{data: dataDir, live: dataDir, old: dataDir + ".etcdward-old-" + short, short: short}
	base := dataDir + "."
	if mounted {
		base = dataDir + "/"
		l.live, l.old = filepath.Join(dataDir, "member"), filepath.Join(dataDir, "member.etcdward-old-"+short)
	}
	l.work, l.check, l.journal = base+"etcdward-new-"+short, base+"etcdward-check-"+short, base+"etcdward-journal-"+short+".json"
	l.fresh = l.work
	if mounted {
		l.fresh = filepath.Join(l.work, "member")
	}
	return l
}

// folder that holds all of them.
func (l layout) folder() string { return filepath.Dir(l.journal) }

// undone is a new name for a restored directory that a rollback takes away again.
func (l layout) undone(stamp string) string {
	return l.live + ".etcdward-undone-" + l.short + "-" + stamp
}

// locate finds the data directory: links are followed, so that what is renamed is the directory itself.
func locate(dataDir, short string) (layout, error) {
	real, err := filepath.EvalSymlinks(dataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if to, err := os.Readlink(dataDir); err == nil {
			return layout{}, hinted(fmt.Errorf("data directory %s: it is a link to %s, which is not there", dataDir, to), "is its disk mounted? Else make the folder, or remove the link")
		}
		real = dataDir
		if parent, err := filepath.EvalSymlinks(filepath.Dir(dataDir)); err == nil {
			real = filepath.Join(parent, filepath.Base(dataDir))
		}
	case err != nil:
		return layout{}, fmt.Errorf("data directory: %w", err)
	}
	mounted, err := isMountPoint(real)
	if err != nil {
		return layout{}, err
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

// identity is what stays of a directory when it is renamed, and when the host boots again: the number of its device may be
// another one then. Zero: there is none.
type identity struct {
	Inode uint64 `json:"inode"`
	// Born in Unix nanoseconds, since inodes are used again; 0 where the file system does not tell.
	Born int64 `json:"born"`
}

// identify looks at a path, without following links.
func identify(path string) (identity, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_BTIME, &st)
	if errors.Is(err, fs.ErrNotExist) {
		return identity{}, nil
	}
	if err != nil {
		return identity{}, fmt.Errorf("look at %s: %w", path, err)
	}
	id := identity{Inode: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		id.Born = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return id, nil
}

// is says whether what is at a path now is the directory known by an identity.
func is(path string, id identity) (bool, error) {
	found, err := identify(path)
	return err == nil && found == id && id != identity{}, err
}

// isEmpty says whether there is nothing at path, or a folder with nothing in it. A file system's own lost+found is nothing.
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
