package kubeadm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/restore/probe"
	"github.com/etcdward/etcdward/agent/staticpod"
)

// Check holds what the host's manifests say to the plan.
func (h *Host) Check(m plan.Member) error {
	if h.Name != m.Name {
		return fault.WithHint(fmt.Errorf("the etcd of this host is called %s, not %s", h.Name, m.Name), "give --member "+h.Name+", or run this on the host of "+m.Name)
	}
	for _, u := range h.PeerURLs {
		if !slices.Contains(m.PeerURLs, u) {
			return fault.WithHint(fmt.Errorf("member %s has the peer URL %s in its manifest, and the plan has %v", m.Name, u, m.PeerURLs), "make a new plan, with --member NAME=PEER_URL for every member")
		}
	}
	if err := h.checkAlone(); err != nil {
		return err
	}
	var here, beside syscall.Stat_t
	if err := errors.Join(syscall.Stat(h.Manifests, &here), syscall.Stat(filepath.Dir(h.Aside), &beside)); err != nil {
		return fmt.Errorf("look at %s: %w", h.Manifests, err)
	}
	if here.Dev != beside.Dev {
		return fault.WithHint(fmt.Errorf("%s is on a disk of its own: manifests cannot be moved out of it at once", h.Manifests),
			"move them away by hand, apply with --data-dir, and move them back")
	}
	return nil
}

// checkAlone refuses a second manifest that has etcd or its data directory, a backup perhaps: the kubelet runs whatever is in the folder, and
// would go on with that one as soon as the first is moved out.
func (h *Host) checkAlone() error {
	all, err := manifestsIn(h.Manifests)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.Problem != nil || m.Name == h.etcdFile {
			continue // it is no pod to the kubelet either
		}
		if what := h.inTheWay(m); what != "" {
			return fault.WithHint(fmt.Errorf("%s is another manifest with %s in it, which the kubelet runs as well", filepath.Join(h.Manifests, m.Name), what),
				"move it out of "+h.Manifests+", and keep no copies there")
		}
	}
	return nil
}

// inTheWay names what a manifest runs that must not run beside etcd, or "the data directory" if it has that.
func (h *Host) inTheWay(m staticpod.Manifest) string {
	_, runs, err := m.Running("etcd", "")
	mounts := m.Mounts(h.DataDir)
	if runs && (err == nil || !mounts) {
		return "etcd"
	}
	if !mounts {
		return ""
	}
	for _, program := range programs[:3] {
		if _, runs, err := m.Running(program, ""); runs && err == nil {
			return program
		}
	}
	return "the data directory"
}

// StrayAPIServer is where an API server of this host answers that none of its manifests runs; "": none does. One whose manifest was moved out goes on
// for a while, and writes.
func (h *Host) StrayAPIServer(ctx context.Context) string {
	if h.apiServers > 0 {
		return ""
	}
	u, err := url.Parse(h.PeerURLs[0])
	if err != nil {
		return ""
	}
	if address := "https://" + net.JoinHostPort(u.Hostname(), "6443"); probe.Answers(ctx, address) {
		return address
	}
	return ""
}
