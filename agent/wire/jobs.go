package wire

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/agent/backup"
	"github.com/etcdward/etcdward/agent/compact"
	"github.com/etcdward/etcdward/agent/coordination"
	"github.com/etcdward/etcdward/agent/defrag"
	"github.com/etcdward/etcdward/agent/delivery"
	"github.com/etcdward/etcdward/agent/drill"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/prune"
	"github.com/etcdward/etcdward/agent/round"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/agent/upkeep"
	"github.com/etcdward/etcdward/agent/verify"
)

// Courier returns the courier that delivers what waits in the spool. accept lets a store take backups of an etcd cluster id that it has
// not seen under this name.
func (p *Parts) Courier(accept bool) (*delivery.Courier, error) {
	waiting, err := p.spool()
	if err != nil {
		return nil, err
	}
	return &delivery.Courier{Spool: waiting, Stores: p.Stores, AcceptNewCluster: accept, Log: p.Log, Progress: p.Progress}, nil
}

// Round returns the round that takes snapshots and brings them to the stores; accept is as for Courier.
func (p *Parts) Round(accept bool) (*round.Round, error) {
	cluster, err := p.Cluster()
	if err != nil {
		return nil, err
	}
	coordinator, err := p.Coordinator()
	if err != nil {
		return nil, err
	}
	courier, err := p.Courier(accept)
	if err != nil {
		return nil, err
	}
	snapshotter, err := p.snapshotter(cluster, courier, accept)
	if err != nil {
		return nil, err
	}
	r := &round.Round{Cluster: cluster, Coordinator: coordinator, Snapshotter: snapshotter, Courier: courier, Stores: p.Stores, Log: p.Log}
	if p.Config.Prune.Enabled {
		removals, err := p.Removals()
		if err != nil {
			return nil, err
		}
		r.Pruner = func(store stores.Store, live string) *prune.Pruner {
			return &prune.Pruner{Store: store, Live: live, Removals: removals, Log: p.Log}
		}
	}
	return r, nil
}

func (p *Parts) snapshotter(cluster *etcd.Cluster, courier *delivery.Courier, accept bool) (*backup.Snapshotter, error) {
	area, err := p.Staging()
	if err != nil {
		return nil, err
	}
	sealer, err := seal.New(p.Config.Snapshot.Compression, p.Config.Snapshot.Recipients)
	if err != nil {
		return nil, fault.Config(err)
	}
	return &backup.Snapshotter{Cluster: cluster, ClusterName: p.Config.Cluster.Name, Policy: p.Config.Snapshot.Source,
		Staging: area, Spool: courier.Spool, Sealer: sealer, Stores: p.Stores,
		HashBudget: p.Config.Verify.HashBudget, PacePath: filepath.Join(p.StateDir, "hash.json"),
		AcceptNewCluster: accept, Tool: p.tool(), Log: p.Log, Progress: p.Progress}, nil
}

// readingsApart is the time between two readings of a snapshot that is found damaged: long enough for a fail-over to end, and short enough
// for a person to wait.
const readingsApart = 5 * time.Second

// Verifier checks snapshots, with identities for those that are encrypted.
func (p *Parts) Verifier(keys seal.Identities) (*verify.Verifier, error) {
	area, err := p.Staging()
	if err != nil {
		return nil, err
	}
	return &verify.Verifier{Staging: area, Identities: keys, Apart: readingsApart, Tool: p.tool(), Log: p.Log, Progress: p.Progress}, nil
}

// VerifyAll reads every snapshot of the selected stores.
func (p *Parts) VerifyAll(ctx context.Context, sel Selection, keys seal.Identities, pass verify.Pass) error {
	selected, err := p.Select(sel)
	if err != nil {
		return err
	}
	job, err := p.Verifier(keys)
	if err != nil {
		return err
	}
	return job.All(ctx, selected, pass)
}

// Driller rehearses restores on this host, with identities for snapshots that are encrypted.
func (p *Parts) Driller(keys seal.Identities) (*drill.Driller, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return &drill.Driller{Dir: p.drillPath(), Identities: keys, Host: host, Tool: p.tool(), Log: p.Log, Progress: p.Progress}, nil
}

// Rehearsal returns what rehearses the restore of the newest snapshot of each store.
func (p *Parts) Rehearsal() (func(ctx context.Context) error, error) {
	driller, err := p.Driller(seal.Identities{})
	return func(ctx context.Context) error { return drill.Due(ctx, driller, p.Stores) }, err
}

func (p *Parts) drillPath() string { return filepath.Join(p.StateDir, "drill") }

// Sampler returns the sampler that reads back a share of the stored snapshots.
func (p *Parts) Sampler() (*verify.Sampler, error) {
	verifier, err := p.Verifier(seal.Identities{})
	if err != nil {
		return nil, err
	}
	return &verify.Sampler{Verifier: verifier, Stores: p.Stores, Share: p.Config.Verify.ReadBack, Log: p.Log}, nil
}

// Pruner returns the pruner of one store. live is the etcd cluster id, in hex, of the cluster that answers;
// "" if none does.
func (p *Parts) Pruner(store stores.Store, live string) (*prune.Pruner, error) {
	removals, err := p.Removals()
	if err != nil {
		return nil, err
	}
	return &prune.Pruner{Store: store, Live: live, Removals: removals, Log: p.Log}, nil
}

// Removals are the notes of what prune is about to remove.
func (p *Parts) Removals() (prune.Removals, error) {
	area, err := staging.Open(filepath.Join(p.StateDir, "removals"))
	return prune.Removals{Area: area}, err
}

// Coordinator returns the coordinator, which lets only one agent of all hosts act at a time.
func (p *Parts) Coordinator() (*coordination.Coordinator, error) {
	cluster, err := p.Cluster()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return &coordination.Coordinator{Cluster: cluster, Host: host, Log: p.Log, Before: defrag.Quiet{Cluster: cluster, Log: p.Log}.Await}, nil
}

// Upkeep compacts and defragments the cluster. The notes of its compactor are this host's.
func (p *Parts) Upkeep() (*upkeep.Upkeep, error) {
	coordinator, err := p.Coordinator()
	if err != nil {
		return nil, err
	}
	compactor, err := p.Compactor()
	if err != nil {
		return nil, err
	}
	defragmenter, err := p.Defragmenter(compactor)
	if err != nil {
		return nil, err
	}
	return &upkeep.Upkeep{Coordinator: coordinator, Compactor: compactor, Defragmenter: defragmenter}, nil
}

// Compactor returns the compactor of old history. Its notes are kept on this host.
func (p *Parts) Compactor() (*compact.Compactor, error) {
	cluster, err := p.Cluster()
	if err != nil {
		return nil, err
	}
	return &compact.Compactor{Cluster: cluster, Keep: p.Config.Compaction.Keep, Path: filepath.Join(p.StateDir, "revisions.json"), Log: p.Log}, nil
}

// Defragmenter returns the defragmenter, with the thresholds of the configuration.
func (p *Parts) Defragmenter(compactor *compact.Compactor) (*defrag.Defragmenter, error) {
	cluster, err := p.Cluster()
	if err != nil {
		return nil, err
	}
	c := p.Config.Defrag
	return &defrag.Defragmenter{Cluster: cluster, Compactor: compactor, FreeDisk: freeDisk, Log: p.Log, Rules: defrag.Rules{
		MinReclaimable: int64(c.MinReclaimable), MinRatio: c.MinReclaimableRatio, MoveLeader: c.MoveLeader, Pause: c.Pause}}, nil
}

// etcdFolders are where distributions keep the database; its file system can be asked without a right to read it.
var etcdFolders = []string{"/var/lib/etcd", "/var/lib/rancher/rke2/server/db/etcd", "/var/lib/rancher/k3s/server/db/etcd"}

// freeDisk returns the free bytes of the disk on which a member of this host keeps its database.
func freeDisk(m etcd.Member) (int64, bool) {
	if !m.Local {
		return 0, false
	}
	for _, folder := range etcdFolders {
		var fs unix.Statfs_t
		if err := unix.Statfs(folder, &fs); err == nil {
			return int64(fs.Bavail) * fs.Bsize, true
		}
	}
	return 0, false
}

// CleanUp removes what earlier processes of this host left on its disk when they were killed. It asks no store.
func (p *Parts) CleanUp(ctx context.Context) error {
	area, err := p.Staging()
	if err != nil {
		return err
	}
	waiting, err := p.spool()
	if err != nil {
		return err
	}
	staged, err := area.Sweep(ctx)
	if err != nil {
		return err
	}
	spooled, err := waiting.Sweep(ctx)
	if err != nil {
		return err
	}
	if removed := staged + spooled; removed > 0 {
		p.Log.Info("leftovers removed", "files", removed)
	}
	return drill.Sweep(p.drillPath())
}

// Look checks that this process may read the secrets and the records. The error wraps fs.ErrPermission: without these rights
// every cluster would look lost.
func (p *Parts) Look() error {
	if _, err := p.Cluster(); errors.Is(err, os.ErrPermission) {
		return err
	}
	if _, err := os.ReadDir(p.StateDir); errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}
