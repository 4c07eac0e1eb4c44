package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/snapshot"
)

// clockTolerance is how far the clocks of two hosts may differ.
const clockTolerance = 2 * time.Minute

// walBytes is what etcd takes for a file of its log before the first entry. It makes the next one in advance.
const walBytes = 64 << 20

// preflight makes every check that needs no snapshot file. Nothing is touched.
func (a *Applier) preflight(ctx context.Context, l layout) error {
	if err := a.Plan.checkClock(a.now()); err != nil {
		return err
	}
	if err := checkVersion(a.Plan.Snapshot, a.EtcdVersion); err != nil {
		return err
	}
	if err := checkTarget(l); err != nil {
		return err
	}
	if err := checkName(l, a.member.Name); err != nil {
		return err
	}
	if err := checkSpace(l, a.Plan.Snapshot.SizeBytes); err != nil {
		return err
	}
	if a.Host != nil {
		return a.Host.check(a.member)
	}
	if elsewhere := a.member.elsewhere(ctx); elsewhere != "" {
		a.tell("WARNING: %s, the address of member %s, is none of this host's. Is this the right host?", elsewhere, a.member.Name)
	}
	return a.checkStopped(ctx, l)
}

// checkClock refuses a clock that is behind what the plan tells of: certificates and leases would go by it.
func (p Plan) checkClock(now time.Time) error {
	for _, past := range []struct {
		what string
		at   time.Time
		hint string
	}{
		{"the plan was made", p.CreatedAt, "set the clock (timedatectl): certificates and leases go by it"},
		{"the snapshot was taken", p.Snapshot.TakenAt, "set the clock (timedatectl); if that of the snapshot's host was wrong, etcdward fetch it and make a plan with --file"},
	} {
		if now.Before(past.at.Add(-clockTolerance)) {
			return hinted(fmt.Errorf("the clock of this host says %s, which is before %s (%s)", now.UTC().Format(time.RFC3339), past.what, past.at.UTC().Format(time.RFC3339)), past.hint)
		}
	}
	return nil
}

// checkRights finds out before anything else whether this user may do it.
func checkRights(l layout) error {
	err := unix.Access(l.folder(), unix.R_OK|unix.W_OK|unix.X_OK)
	var there syscall.Stat_t
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return hinted(fmt.Errorf("data directory %s: the folder that it lies in is not there: %w", l.data, err), "is --data-dir right? On a new host: mkdir -p "+l.folder())
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() == 0:
		return hinted(fmt.Errorf("data directory %s: even root cannot write in %s: %w", l.data, l.folder(), err), "lsattr -d shows whether it is immutable, chattr -i ends that; else a security module may forbid it (ausearch -m avc)")
	case errors.Is(err, fs.ErrPermission):
		return hinted(fmt.Errorf("data directory %s: this user cannot write in %s: %w", l.data, l.folder(), err), "run this as root")
	case err != nil:
		return hinted(fmt.Errorf("data directory %s: write in %s: %w", l.data, l.folder(), err), "its disk must be there, and be mounted for writing")
	}
	if err := syscall.Stat(l.live, &there); err == nil && os.Geteuid() != 0 && int(there.Uid) != os.Geteuid() {
		return hinted(fmt.Errorf("data directory %s: it belongs to user %d: %w", l.live, there.Uid, fs.ErrPermission), "run this as root")
	}
	return nil
}

// checkOtherPlans refuses to begin in the middle of what another plan began on the same directory.
func checkOtherPlans(l layout) error {
	others, err := otherJournals(l)
	if err != nil {
		return err
	}
	for path, other := range others {
		switch other.Step {
		case StepStopping, StepSwitching, StepStarting, StepGoingBack:
			return hinted(fmt.Errorf("a restore with another plan, SHA-256 %.16s…, was begun on %s and came as far as %q", other.Plan, l.data, other.Step),
				fmt.Sprintf("finish it with its own plan: etcdward restore apply, or rollback. %s says what lies where", path))
		}
	}
	return nil
}

// otherJournals are those of other plans on the same directory, by their paths.
func otherJournals(l layout) (map[string]journal, error) {
	prefix := strings.TrimSuffix(filepath.Base(l.journal), l.short+".json")
	entries, err := os.ReadDir(l.folder())
	if err != nil {
		return nil, fmt.Errorf("look for other restores: %w", err)
	}
	others := map[string]journal{}
	for _, e := range entries {
		path := filepath.Join(l.folder(), e.Name())
		if path == l.journal || !strings.HasPrefix(e.Name(), prefix) || !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		if others[path], err = readJournal(path); err != nil {
			return nil, err
		}
	}
	return others, nil
}

// checkName holds a member to the name that RKE2 and k3s keep in its data directory.
func checkName(l layout, member string) error {
	text, err := os.ReadFile(filepath.Join(l.data, "name"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("data directory: %w", err)
	}
	name := strings.TrimSpace(string(text))
	if name == member || !nameForm.MatchString(name) {
		return nil
	}
	return hinted(fmt.Errorf("the data directory %s is of member %s, and not of %s", l.data, name, member),
		"run this on the host of "+member+", or make a plan that has "+name)
}

// checkTarget accepts a data directory that is not there, empty, or etcd's.
func checkTarget(l layout) error {
	info, err := os.Stat(l.data)
	if err == nil && !info.IsDir() {
		return hinted(fmt.Errorf("data directory %s: %w", l.data, syscall.ENOTDIR), "give etcd's data directory with --data-dir")
	}
	empty, err := isEmpty(l.data)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(l.data, "member")); err != nil && !empty {
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("data directory: %w", err)
		}
		return hinted(fmt.Errorf("the target %s is not empty, and no data directory of etcd: there is no folder member in it", l.data),
			"give the data directory itself with --data-dir, or an empty one")
	}
	if !empty {
		if err := checkWhole(l); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(l.old); !errors.Is(err, fs.ErrNotExist) {
		return hinted(fmt.Errorf("%s is there already, from an earlier restore with this plan", l.old), "move it away, or make a new plan")
	}
	return nil
}

// skeletonBytes is more than the database has that an etcd leaves which was started on an empty directory, and found that its cluster
// knows it already: no log, and no keys.
const skeletonBytes = 128 << 10

// checkWhole refuses a data directory of which a part is kept elsewhere: what is restored is one whole.
func checkWhole(l layout) error {
	const byHand = "a log of its own, etcd's --wal-dir, is not supported: restore by hand, with etcdward fetch, and etcdutl snapshot restore --wal-dir with the token and the bump of the plan"
	for _, name := range []string{"member", "member/snap", "member/wal"} {
		path := filepath.Join(l.data, name)
		info, err := os.Lstat(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("data directory: %w", err)
		}
		if err == nil && info.Mode().Type() == fs.ModeSymlink {
			return hinted(fmt.Errorf("%s is a link: what was restored would take its place, on this disk", path), byHand+"; or move here first what it leads to")
		}
	}
	db, err := os.Stat(filepath.Join(l.data, "member", "snap", "db"))
	_, log := os.Lstat(filepath.Join(l.data, "member", "wal"))
	if err == nil && db.Size() > skeletonBytes && errors.Is(log, fs.ErrNotExist) {
		return hinted(fmt.Errorf("%s has a database and no log: either etcd keeps that elsewhere, or it was lost", l.data),
			byHand+". If it was lost, move "+l.data+" away and apply again")
	}
	return nil
}

// checkSpace asks for room for the new directory and for the copy that it is checked on.
func checkSpace(l layout, size int64) error {
	folder := l.folder()
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		return hinted(fmt.Errorf("free space of %s: %w", folder, err), "the folder that the data directory lies in must exist")
	}
	need, free := 2*size+4*walBytes, int64(disk.Bavail)*disk.Bsize
	if free < need {
		return hinted(fmt.Errorf("not enough free space in %s: %d bytes needed, for the restored directory and a copy to check it on, %d free", folder, need, free),
			"make room; directories named *.etcdward-old-*, *.etcdward-undone-* and *.etcdward-new-* there are of earlier restores")
	}
	return nil
}

// checkStopped refuses while an etcd runs on the data directory, or at the member's address.
func (a *Applier) checkStopped(ctx context.Context, l layout) error {
	const wayOut = "stop it (systemctl stop etcd; RKE2: rke2-killall.sh; k3s: systemctl stop k3s; kubeadm: give --kubeadm), and repeat"
	busy, err := locked(l.data)
	if err != nil {
		return err
	}
	if busy {
		return hinted(fmt.Errorf("an etcd is running on %s", l.data), wayOut)
	}
	for _, u := range a.member.PeerURLs {
		if answers(ctx, u) {
			return hinted(fmt.Errorf("an etcd is running: %s, the address of member %s, answers", u, a.member.Name), wayOut)
		}
	}
	return nil
}

// CheckFile holds the plain snapshot file to the plan, then makes the checks of levels 1 and 2 on it. An error that wraps
// snapshot.ErrDamaged says that the file must not be restored from.
func (p Plan) CheckFile(ctx context.Context, path string) (snapshot.Origin, error) {
	file, err := os.Open(path)
	if err != nil {
		return snapshot.Origin{}, hinted(fmt.Errorf("check snapshot: %w", err), "the file must be on this host; --file says where")
	}
	defer file.Close()
	digest, err := snapshot.DigestOf(ctx, file)
	if err != nil {
		return snapshot.Origin{}, fmt.Errorf("check snapshot %s: %w", path, err)
	}
	exam, err := snapshot.ExamineDigested(ctx, path, digest, 0)
	if err != nil {
		return snapshot.Origin{}, fmt.Errorf("check snapshot: %w", err)
	}
	const wayOut = "nothing was changed on this host; etcdward list shows other snapshots, restore plan ID makes a plan of one"
	if exam.Facts.SHA256 != p.Snapshot.SHA256 {
		return snapshot.Origin{}, hinted(fmt.Errorf("check snapshot %s: SHA-256 is %s and the plan has %s: %w, or another snapshot", path, exam.Facts.SHA256, p.Snapshot.SHA256, snapshot.ErrDamaged), wayOut)
	}
	for _, c := range exam.Checks {
		if !c.OK {
			return snapshot.Origin{}, hinted(fmt.Errorf("check snapshot %s: check %s: %w: %s", path, c.Name, snapshot.ErrDamaged, c.Detail), wayOut)
		}
	}
	if exam.Facts.Revision != p.Snapshot.Revision {
		return snapshot.Origin{}, hinted(fmt.Errorf("check snapshot %s: it ends at revision %d and the plan has %d", path, exam.Facts.Revision, p.Snapshot.Revision), wayOut)
	}
	return exam.Origin, nil
}
