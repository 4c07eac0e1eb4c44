package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/kubeadm"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/restore/probe"
	"github.com/etcdward/etcdward/agent/snapshot"
)

// copyDatabase is the last resort: it copies the database out of a data directory on this host whose etcd does not run, to a file that must not
// exist, for the plan to name.
func (p *Planner) copyDatabase(ctx context.Context, r Request) (err error) {
	dir := r.DataDir
	if host, err := kubeadm.Read(r.Manifests, ""); err == nil && !r.DataDirGiven {
		dir = host.DataDir
	}
	db := filepath.Join(dir, "member", "snap", "db")
	busy, err := probe.Locked(dir)
	if err != nil {
		return err
	}
	if busy {
		return fault.WithHint(fmt.Errorf("an etcd runs on %s", dir),
			"etcdward snapshot takes its data while it answers; if it does not, stop it (kubeadm: move its manifest out of "+r.Manifests+"; else systemctl stop etcd) and repeat")
	}
	from, err := os.Open(db)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.WithHint(fmt.Errorf("data directory %s: %w", dir, err), "give etcd's data directory with --data-dir: the one that has the folder member in it")
	}
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(r.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w: remove it, or give another --output", r.File, fs.ErrExist)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(to, contextReader{ctx, from})
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		return errors.Join(fmt.Errorf("copy %s: %w", db, err), os.Remove(r.File))
	}
	p.Tell("Copied the database of %s to %s. Writes that were in the member's log alone, at most some moments' worth, are not in it.", dir, r.File)
	return nil
}

// contextReader ends a long copy when ctx ends.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.Reader.Read(b)
}

// onRecord are the members that the snapshot's file has on record, those that vote; none if they cannot be members of a plan.
func (p *Planner) onRecord(origin snapshot.Origin, dataDir string) []plan.Member {
	var members []plan.Member
	for _, m := range origin.Members {
		if !m.Learner {
			members = append(members, plan.Member{Name: m.Name, PeerURLs: m.PeerURLs, DataDir: dataDir})
		}
	}
	if len(members) == 0 {
		return nil
	}
	if err := plan.ValidateMembers(members); err != nil {
		p.Tell("The members on record in the file cannot be used: %v", err)
		return nil
	}
	return members
}

// checkMember refuses a data directory that is of another cluster, or of another member, than the operator takes it for.
func checkMember(name string, origin snapshot.Origin) error {
	var names []string
	for _, m := range origin.Members {
		names = append(names, m.Name)
	}
	if len(names) == 0 || slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("flag --data-dir-of: the data directory knows no member %.70q; it has %.300q", name, strings.Join(names, ", "))
}
