// Package kubeadm reads, stops and starts the static pods of a control-plane host, as a restore needs it. It knows the plan's member
// of this host, and nothing of directories being switched.
//
// Its one invariant: manifests are moved, unchanged, between two folders of one disk; at every moment each is in one of them.
package kubeadm

import (
	"cmp"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/plan"
)

// The manifests of kubeadm's static pods, in the order in which they are moved out: who writes to etcd first.
const etcdManifest = "etcd.yaml"

var podFiles = []string{"kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml", etcdManifest}

// Host is what the static pods of a control-plane host say.
type Host struct {
	plan.Member
	// EtcdVersion from the image's tag; "" when it is none.
	EtcdVersion string
	// InitialCluster as etcd was first told of it.
	InitialCluster string
	// Manifests is the folder that the kubelet watches; Files those of podFiles that are in it, or were when a
	// restore moved them Aside.
	Manifests, Aside string
	Files            []string
	// EtcdURLs and Others are where somebody answers while the pods run; Health is etcd's metrics listener, or "".
	EtcdURLs, Others []string
	Health           string
}

// AsideOf is where the manifests in a folder go while a plan is applied: beside the folder, since the kubelet runs whatever is
// in it.
func AsideOf(manifests string, p plan.Plan) string {
	return filepath.Join(filepath.Dir(filepath.Clean(manifests)), "etcdward-restore-"+p.ShortID())
}

// Read reads the static pods in a folder, or in the one aside, "" for none. An error means that this is no
// kubeadm host, or one whose etcd cannot be restored so.
func Read(manifests, aside string) (Host, error) {
	h := Host{Manifests: manifests, Aside: aside}
	for _, name := range podFiles {
		p, found, err := readPod(name, manifests, aside)
		if err != nil {
			return h, err
		}
		if !found {
			continue
		}
		h.Files = append(h.Files, name)
		if name == etcdManifest {
			err = h.etcd(p)
		} else {
			h.other(name, p.running(strings.TrimSuffix(name, ".yaml")).flags())
		}
		if err != nil {
			return h, fmt.Errorf("read %s: %w", filepath.Join(manifests, name), err)
		}
	}
	if h.Name == "" {
		return h, missing(manifests)
	}
	return h, nil
}

// missing says that there is no manifest of etcd, and where one is if an earlier restore moved it.
func missing(manifests string) error {
	path := filepath.Join(manifests, etcdManifest)
	elsewhere, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Clean(manifests)), "etcdward-restore-*", etcdManifest))
	if err == nil && len(elsewhere) > 0 {
		return fault.WithHint(fmt.Errorf("read %s: %w: a restore with another plan moved it to %s", path, fs.ErrNotExist, elsewhere[0]),
			"finish that one with its own plan: etcdward restore apply, or rollback, with --kubeadm")
	}
	return fault.WithHint(fmt.Errorf("read %s: %w", path, fs.ErrNotExist), "on a host that kubeadm did not set up, give --data-dir in place of --kubeadm")
}

// imageVersion is the version in the tag of etcd's image: registry.k8s.io/etcd:3.6.5-0.
var imageVersion = regexp.MustCompile(`:v?(3\.[0-9]+\.[0-9]+)[^/]*$`)

// etcd takes what etcd's own pod says.
func (h *Host) etcd(p pod) error {
	c := p.running("etcd")
	flags, err := c.etcdFlags()
	if err != nil {
		return err
	}
	h.Name = cmp.Or(flags["name"], "default")
	h.PeerURLs = strings.Split(flags["initial-advertise-peer-urls"], ",")
	if h.DataDir, err = p.hostPath(c, cmp.Or(flags["data-dir"], "/var/lib/etcd")); err != nil {
		return err
	}
	h.InitialCluster = flags["initial-cluster"]
	if m := imageVersion.FindStringSubmatch(c.Image); m != nil {
		h.EtcdVersion = m[1]
	}
	for _, name := range []string{"listen-client-urls", "listen-peer-urls", "listen-metrics-urls"} {
		for _, u := range strings.Split(flags[name], ",") {
			if u != "" {
				h.EtcdURLs = append(h.EtcdURLs, reachable(u))
			}
		}
	}
	if first, _, _ := strings.Cut(flags["listen-metrics-urls"], ","); strings.HasPrefix(first, "http://") {
		h.Health = reachable(first)
	}
	return plan.ValidateMembers([]plan.Member{h.Member})
}

// other takes the address at which another pod of the control plane answers.
func (h *Host) other(file string, flags map[string]string) {
	ports := map[string]string{"kube-apiserver.yaml": "6443", "kube-controller-manager.yaml": "10257", "kube-scheduler.yaml": "10259"}
	host := cmp.Or(flags["bind-address"], flags["advertise-address"], "127.0.0.1")
	h.Others = append(h.Others, reachable("https://"+net.JoinHostPort(host, cmp.Or(flags["secure-port"], ports[file]))))
}

// reachable puts an address that a connection can be made to in place of "all of this host's".
func reachable(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	switch u.Hostname() {
	case "0.0.0.0":
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	case "::":
		u.Host = net.JoinHostPort("::1", u.Port())
	}
	return u.String()
}

// MembersOf gives the members that etcd was first told of, with the data directory of this host for all. It is as old as
// this host's joining: members that came later are not in it.
func (h Host) MembersOf() ([]plan.Member, error) {
	byName := map[string]*plan.Member{}
	var order []string
	for _, pair := range strings.Split(h.InitialCluster, ",") {
		name, u, ok := strings.Cut(pair, "=")
		if !ok {
			continue
		}
		if byName[name] == nil {
			byName[name] = &plan.Member{Name: name, DataDir: h.DataDir}
			order = append(order, name)
		}
		byName[name].PeerURLs = append(byName[name].PeerURLs, u)
	}
	members := make([]plan.Member, len(order))
	for i, name := range order {
		members[i] = *byName[name]
	}
	return members, plan.ValidateMembers(members)
}
