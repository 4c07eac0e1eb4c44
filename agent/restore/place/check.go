package place

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/etcdward/etcdward/agent/restore/plan"

	"github.com/etcdward/etcdward/agent/fault"
	"golang.org/x/sys/unix"
)

// walBytes is what etcd takes for a file of its log before the first entry. It makes the next one in advance.
const walBytes = 64 << 20

// CheckRights finds out before anything else whether this user may do it.
func (l Layout) CheckRights() error {
	err := unix.Access(l.Folder(), unix.R_OK|unix.W_OK|unix.X_OK)
	var there syscall.Stat_t
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.WithHint(fmt.Errorf("data directory %s: the folder that it lies in is not there: %w", l.Data, err), "is --data-dir right? On a new host: mkdir -p "+l.Folder())
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() == 0:
		return fault.WithHint(fmt.Errorf("data directory %s: even root cannot write in %s: %w", l.Data, l.Folder(), err), "lsattr -d shows whether it is immutable, chattr -i ends that; else a security module may forbid it (ausearch -m avc)")
	case errors.Is(err, fs.ErrPermission):
		return fault.WithHint(fmt.Errorf("data directory %s: this user cannot write in %s: %w", l.Data, l.Folder(), err), "run this as root")
	case err != nil:
		return fault.WithHint(fmt.Errorf("data directory %s: write in %s: %w", l.Data, l.Folder(), err), "its disk must be there, and be mounted for writing")
	}
	if err := syscall.Stat(l.Live, &there); err == nil && os.Geteuid() != 0 && int(there.Uid) != os.Geteuid() {
		return fault.WithHint(fmt.Errorf("data directory %s: it belongs to user %d: %w", l.Live, there.Uid, fs.ErrPermission), "run this as root")
	}
	return nil
}

// CheckOtherPlans refuses to begin in the middle of what another plan began on the same directory.
func (l Layout) CheckOtherPlans() error {
	others, err := l.OtherJournals()
	if err != nil {
		return err
	}
	for path, other := range others {
		switch other.Step {
		case StepStopping, StepSwitching, StepStarting, StepGoingBack:
			return fault.WithHint(fmt.Errorf("a restore with another plan, SHA-256 %.16s…, was begun on %s and came as far as %q", other.Plan, l.Data, other.Step),
				fmt.Sprintf("finish it with its own plan: etcdward restore apply, or rollback. %s says what lies where", path))
		}
	}
	return nil
}

// OtherJournals are those of other plans on the same directory, by their paths.
func (l Layout) OtherJournals() (map[string]Journal, error) {
	prefix := strings.TrimSuffix(filepath.Base(l.Journal), l.short+".json")
	entries, err := os.ReadDir(l.Folder())
	if err != nil {
		return nil, fmt.Errorf("look for other restores: %w", err)
	}
	others := map[string]Journal{}
	for _, e := range entries {
		path := filepath.Join(l.Folder(), e.Name())
		if path == l.Journal || !strings.HasPrefix(e.Name(), prefix) || !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		if others[path], err = ReadJournal(path); err != nil {
			return nil, err
		}
	}
	return others, nil
}

// CheckName holds a member to the name that RKE2 and k3s keep in its data directory.
func (l Layout) CheckName(member string) error {
	text, err := os.ReadFile(filepath.Join(l.Data, "name"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("data directory: %w", err)
	}
	name := strings.TrimSpace(string(text))
	if name == member || !plan.ValidName(name) {
		return nil
	}
	return fault.WithHint(fmt.Errorf("the data directory %s is of member %s, and not of %s", l.Data, name, member),
		"run this on the host of "+member+", or make a plan that has "+name)
}

// CheckTarget accepts a data directory that is not there, empty, or etcd's.
func (l Layout) CheckTarget() error {
	info, err := os.Stat(l.Data)
	if err == nil && !info.IsDir() {
		return fault.WithHint(fmt.Errorf("data directory %s: %w", l.Data, syscall.ENOTDIR), "give etcd's data directory with --data-dir")
	}
	empty, err := isEmpty(l.Data)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(l.Data, "member")); err != nil && !empty {
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("data directory: %w", err)
		}
		return fault.WithHint(fmt.Errorf("the target %s is not empty, and no data directory of etcd: there is no folder member in it", l.Data),
			"give the data directory itself with --data-dir, or an empty one")
	}
	if !empty {
		if err := l.checkWhole(); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(l.Old); !errors.Is(err, fs.ErrNotExist) {
		return fault.WithHint(fmt.Errorf("%s is there already, from an earlier restore with this plan", l.Old), "move it away, or make a new plan")
	}
	return nil
}

// skeletonBytes is more than the size of an empty database without a log. An etcd leaves such a one if it is started on an empty
// directory while its cluster knows the member already.
const skeletonBytes = 128 << 10

// checkWhole refuses a data directory of which a part is kept elsewhere: a restore makes one whole directory.
func (l Layout) checkWhole() error {
	const byHand = "a log of its own, etcd's --wal-dir, is not supported: restore by hand, with etcdward fetch, and etcdutl snapshot restore --wal-dir with the token and the bump of the plan"
	for _, name := range []string{"member", "member/snap", "member/wal"} {
		path := filepath.Join(l.Data, name)
		info, err := os.Lstat(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("data directory: %w", err)
		}
		if err == nil && info.Mode().Type() == fs.ModeSymlink {
			return fault.WithHint(fmt.Errorf("%s is a link: what was restored would take its place, on this disk", path), byHand+"; or move here first what it leads to")
		}
	}
	db, err := os.Stat(filepath.Join(l.Data, "member", "snap", "db"))
	_, log := os.Lstat(filepath.Join(l.Data, "member", "wal"))
	if err == nil && db.Size() > skeletonBytes && errors.Is(log, fs.ErrNotExist) {
		return fault.WithHint(fmt.Errorf("%s has a database and no log: either etcd keeps that elsewhere, or it was lost", l.Data),
			byHand+". If it was lost, move "+l.Data+" away and apply again")
	}
	return nil
}

// CheckSpace asks for room for the new directory and for the copy that it is checked on.
func (l Layout) CheckSpace(size int64) error {
	folder := l.Folder()
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		return fault.WithHint(fmt.Errorf("free space of %s: %w", folder, err), "the folder that the data directory lies in must exist")
	}
	need, free := 2*size+4*walBytes, int64(disk.Bavail)*disk.Bsize
	if free < need {
		return fault.WithHint(fmt.Errorf("not enough free space in %s: %d bytes needed, for the restored directory and a copy to check it on, %d free", folder, need, free),
			"make room; directories named *.etcdward-old-*, *.etcdward-undone-* and *.etcdward-new-* there are of earlier restores")
	}
	return nil
}
