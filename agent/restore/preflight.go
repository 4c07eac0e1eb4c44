package restore

import (
	"context"
	"fmt"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/agent/restore/probe"
)

// preflight makes every check that needs no snapshot file. Nothing is touched.
func (a *Applier) preflight(ctx context.Context, l place.Layout) error {
	if err := a.Plan.CheckClock(a.now()); err != nil {
		return err
	}
	if err := a.Plan.Snapshot.CheckVersion(a.EtcdVersion); err != nil {
		return err
	}
	if err := l.CheckTarget(); err != nil {
		return err
	}
	if err := l.CheckName(a.member.Name); err != nil {
		return err
	}
	if err := l.CheckSpace(a.Plan.Snapshot.SizeBytes); err != nil {
		return err
	}
	if a.Host != nil {
		if stray := a.Host.StrayAPIServer(ctx); stray != "" {
			a.tell("WARNING: %s answers, and no manifest here runs an API server: is that one which was moved out by hand? Wait until it has ended; it may take half a minute.", stray)
		}
		return a.Host.Check(a.member)
	}
	if elsewhere := probe.Elsewhere(ctx, a.member.PeerURLs); elsewhere != "" {
		a.tell("WARNING: %s, the address of member %s, is none of this host's. Is this the right host?", elsewhere, a.member.Name)
	}
	return a.checkStopped(ctx, l)
}

// checkStopped refuses while an etcd runs on the data directory, or at the member's address.
func (a *Applier) checkStopped(ctx context.Context, l place.Layout) error {
	const wayOut = "stop it (systemctl stop etcd; RKE2: rke2-killall.sh; k3s: systemctl stop k3s; kubeadm: give --kubeadm), and repeat"
	busy, err := probe.Locked(l.Data)
	if err != nil {
		return err
	}
	if busy {
		return fault.WithHint(fmt.Errorf("an etcd is running on %s", l.Data), wayOut)
	}
	for _, u := range a.member.PeerURLs {
		if probe.Answers(ctx, u) {
			return fault.WithHint(fmt.Errorf("an etcd is running: %s, the address of member %s, answers", u, a.member.Name), wayOut)
		}
	}
	return nil
}
