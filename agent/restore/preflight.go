package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/snapshot"
)

// clockTolerance is how far the clocks of two hosts may differ.
const clockTolerance = 2 * time.Minute

// walBytes is what etcd takes for its log before the first entry.
const walBytes = 64 << 20

// preflight makes every check that needs no snapshot file. Nothing is touched.
func (a *Applier) preflight(ctx context.Context, l layout) error {
	if now := a.now(); now.Before(a.Plan.CreatedAt.Add(-clockTolerance)) || now.Before(a.Plan.Snapshot.TakenAt.Add(-clockTolerance)) {
		return hinted(fmt.Errorf("the clock of this host says %s, which is before the plan was made (%s)", now.UTC().Format(time.RFC3339), a.Plan.CreatedAt.UTC().Format(time.RFC3339)),
			"set the clock: certificates and leases go by it")
	}
	if err := checkVersion(a.Plan.Snapshot, a.EtcdVersion); err != nil {
		return err
	}
	if err := checkTarget(l); err != nil {
		return err
	}
	if err := checkSpace(l, a.Plan.Snapshot.SizeBytes); err != nil {
		return err
	}
	if a.Host != nil {
		return a.Host.check(a.member)
	}
	return a.checkStopped(ctx, l)
}

// checkTarget accepts a data directory that is not there, empty, or etcd's.
func checkTarget(l layout) error {
	info, err := os.Stat(l.data)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("data directory %s: %w", l.data, syscall.ENOTDIR)
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
	if _, err := os.Lstat(l.old); !errors.Is(err, fs.ErrNotExist) {
		return hinted(fmt.Errorf("%s is there already, from an earlier restore with this plan", l.old), "move it away, or make a new plan")
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
	need, free := 2*(size+walBytes), int64(disk.Bavail)*disk.Bsize
	if free < need {
		return hinted(fmt.Errorf("not enough free space in %s: %d bytes needed, for the restored directory and a copy to check it on, %d free", folder, need, free),
			"make room; directories named *.etcdward-old-* and *.etcdward-undone-* there are of earlier restores")
	}
	return nil
}

// checkStopped refuses while an etcd runs on the data directory, or at the member's address.
func (a *Applier) checkStopped(ctx context.Context, l layout) error {
	const wayOut = "stop it (systemctl stop etcd; on RKE2 and k3s their own service), and run apply again"
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
func (p Plan) CheckFile(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("check snapshot: %w", err)
	}
	defer file.Close()
	digest, err := snapshot.DigestOf(ctx, file)
	if err != nil {
		return fmt.Errorf("check snapshot %s: %w", path, err)
	}
	exam, err := snapshot.ExamineDigested(ctx, path, digest, 0)
	if err != nil {
		return fmt.Errorf("check snapshot: %w", err)
	}
	const wayOut = "nothing was changed on this host; etcdward list shows other snapshots, restore plan ID makes a plan of one"
	if exam.Facts.SHA256 != p.Snapshot.SHA256 {
		return hinted(fmt.Errorf("check snapshot %s: SHA-256 is %s and the plan has %s: %w, or another snapshot", path, exam.Facts.SHA256, p.Snapshot.SHA256, snapshot.ErrDamaged), wayOut)
	}
	for _, c := range exam.Checks {
		if !c.OK {
			return hinted(fmt.Errorf("check snapshot %s: check %s: %w: %s", path, c.Name, snapshot.ErrDamaged, c.Detail), wayOut)
		}
	}
	if exam.Facts.Revision != p.Snapshot.Revision {
		return hinted(fmt.Errorf("check snapshot %s: it ends at revision %d and the plan has %d", path, exam.Facts.Revision, p.Snapshot.Revision), wayOut)
	}
	return nil
}

// check holds what the host's manifests say to the plan.
func (h *Host) check(m Member) error {
	if h.Name != m.Name {
		return hinted(fmt.Errorf("the etcd of this host is called %s, not %s", h.Name, m.Name), "give --member "+h.Name+", or run this on the host of "+m.Name)
	}
	for _, u := range h.PeerURLs {
		found := false
		for _, planned := range m.PeerURLs {
			found = found || planned == u
		}
		if !found {
			return hinted(fmt.Errorf("member %s has the peer URL %s in its manifest, and the plan has %v", m.Name, u, m.PeerURLs), "make a new plan, with --member NAME=PEER_URL for every member")
		}
	}
	here, err := identify(h.Manifests)
	if err != nil {
		return err
	}
	beside, err := identify(filepath.Dir(filepath.Clean(h.Manifests)))
	if err != nil {
		return err
	}
	if here.Device != beside.Device {
		return fmt.Errorf("%s is a mount point: manifests cannot be moved out of it at once", h.Manifests)
	}
	return nil
}
