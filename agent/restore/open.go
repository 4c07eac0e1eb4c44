package restore

import (
	"cmp"
	"context"
	"errors"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/kubeadm"
	"github.com/etcdward/etcdward/agent/restore/plan"
)

// Request is what an operator says about this host.
type Request struct {
	// PlanFile to read.
	PlanFile string
	// Member and DataDir of this host, and its EtcdVersion; each may be "": it is found.
	Member, DataDir, EtcdVersion string
	// Kubeadm: static pods in the folder Manifests are stopped and started.
	Kubeadm   bool
	Manifests string
	DryRun    bool
	// Tell hears what was found.
	Tell func(format string, args ...any)
}

// Open reads the plan, and what this host is. What is left to set of the Applier is how it fetches, confirms and shows progress.
func Open(ctx context.Context, r Request) (*Applier, error) {
	if r.Kubeadm && r.DataDir != "" {
		return nil, fault.Usage(errors.New("--kubeadm reads the data directory from the manifest: give it or --data-dir, not both"))
	}
	p, err := plan.Load(r.PlanFile)
	if err != nil {
		return nil, err
	}
	a := &Applier{Plan: p, Member: r.Member, DataDir: r.DataDir, DryRun: r.DryRun, Tell: r.Tell, EtcdVersion: r.EtcdVersion}
	if r.Kubeadm {
		host, err := kubeadm.Read(r.Manifests, kubeadm.AsideOf(r.Manifests, p))
		if err != nil {
			return nil, err
		}
		a.Host = &host
		a.Member, a.EtcdVersion = cmp.Or(a.Member, host.Name), cmp.Or(a.EtcdVersion, host.EtcdVersion)
	}
	if a.Member == "" {
		return nil, fault.Usage(errors.New("--member NAME is needed"))
	}
	if a.EtcdVersion == "" {
		if a.EtcdVersion, err = InstalledEtcd(ctx); err != nil {
			a.tell("%v", err) // it is not what stands between a cluster and its restore
		}
	}
	a.tell("Plan %s, SHA-256 %s", r.PlanFile, p.SHA256)
	if a.EtcdVersion == "" && p.Snapshot.Needs() != "" {
		a.tell("No etcd was found on this host to compare versions with: start %s or newer on it, never an older one (--etcd-version checks that).", p.Snapshot.Needs())
	}
	return a, nil
}
