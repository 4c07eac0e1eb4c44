package kubeadm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/plan"
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

// checkAlone refuses a second manifest of etcd, a backup perhaps: the kubelet runs whatever is in the folder, and would go on with
// that one as soon as the first is moved out.
func (h *Host) checkAlone() error {
	entries, err := os.ReadDir(h.Manifests)
	if err != nil {
		return fmt.Errorf("read %s: %w", h.Manifests, err)
	}
	for _, e := range entries {
		if slices.Contains(podFiles, e.Name()) || strings.HasPrefix(e.Name(), ".") || e.IsDir() {
			continue // the kubelet passes over the latter two as well
		}
		p, found, err := readPod(e.Name(), h.Manifests)
		if err != nil || !found {
			continue // no pod to the kubelet either
		}
		if what := p.inTheWay(h.DataDir); what != "" {
			return fault.WithHint(fmt.Errorf("%s is another manifest with %s in it, which the kubelet runs as well", filepath.Join(h.Manifests, e.Name()), what),
				"move it out of "+h.Manifests+", and keep no copies there")
		}
	}
	return nil
}

// inTheWay names what a pod runs of the control plane, or "the data directory" if it has that.
func (p pod) inTheWay(dataDir string) string {
	for _, c := range p.Spec.Containers {
		for _, name := range podFiles {
			if program := strings.TrimSuffix(name, ".yaml"); len(c.Command) > 0 && filepath.Base(c.Command[0]) == program {
				return program
			}
		}
	}
	for _, v := range p.Spec.Volumes {
		if v.HostPath.Path != "" && filepath.Clean(v.HostPath.Path) == dataDir {
			return "the data directory"
		}
	}
	return ""
}
