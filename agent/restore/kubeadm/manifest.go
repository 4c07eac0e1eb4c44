// Package kubeadm reads, stops and starts the static pods of a control-plane host, as a restore needs it. It knows the plan's member
// of this host, and nothing of directories being switched.
//
// Its one invariant: manifests are moved, unchanged, between two folders of one disk; at every moment each is in one of them.
package kubeadm

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/hostfile"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/staticpod"
)

// programs of a control plane, in the order in which they are stopped: who writes to etcd first.
var programs = []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"}

// Host is what the static pods of a control-plane host say.
type Host struct {
	plan.Member
	// EtcdVersion from the image's tag; "" when it is none.
	EtcdVersion string
	// InitialCluster as etcd was first told of it.
	InitialCluster string
	// Manifests is the folder that the kubelet watches. Files are the manifests in it that run one of the programs, in their order, whatever
	// they are called, or were when a restore moved them Aside.
	Manifests, Aside string
	Files            []string
	// EtcdURLs and Others are where a program answers while the pods run; Health is etcd's metrics listener, or "".
	EtcdURLs, Others []string
	Health           string
	// etcdFile is the manifest of etcd.
	etcdFile string
	// apiServers is how many of the Files run one.
	apiServers int
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
	all, err := manifestsIn(manifests, aside)
	if err != nil {
		return h, err
	}
	for _, program := range programs[:3] {
		for _, m := range all {
			p, runs, err := m.Running(program, "")
			if !runs {
				continue
			}
			h.Files = append(h.Files, m.Name)
			if program == "kube-apiserver" {
				h.apiServers++
			}
			if err != nil {
				p.Of = nil // it answers where it does by default, as far as is known
			}
			h.other(program, p.Settings)
		}
	}
	if err := h.findEtcd(all); err != nil {
		return h, err
	}
	return h, plan.ValidateMembers([]plan.Member{h.Member})
}

// manifestsIn lists what the kubelet runs, and what was moved aside.
func manifestsIn(folders ...string) ([]staticpod.Manifest, error) {
	root := os.DirFS("/")
	kubelet, err := staticpod.OfHost(root)
	if err != nil {
		return nil, err
	}
	var all []staticpod.Manifest
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		if folder, err = filepath.Abs(folder); err != nil {
			return nil, err
		}
		found, err := staticpod.Read(root, folder, kubelet.NodeName)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			if !slices.ContainsFunc(all, func(known staticpod.Manifest) bool { return known.Name == m.Name }) {
				all = append(all, m)
			}
		}
	}
	return all, nil
}

// findEtcd finds the manifest of etcd: kubeadm's if there are several, which check refuses.
func (h *Host) findEtcd(all []staticpod.Manifest) error {
	named := func(m staticpod.Manifest) bool { return strings.TrimSuffix(m.Name, filepath.Ext(m.Name)) == "etcd" }
	slices.SortStableFunc(all, func(a, b staticpod.Manifest) int {
		switch {
		case named(a) && !named(b):
			return -1
		case named(b) && !named(a):
			return 1
		}
		return 0
	})
	for _, m := range all {
		p, runs, err := m.Running("etcd", "ETCD_")
		switch {
		case err == nil && runs:
			h.etcdFile = m.Name
			h.Files = append(h.Files, m.Name)
			if err := h.etcd(p); err != nil {
				return fmt.Errorf("read %s: %w", m.File, err)
			}
			return nil
		case err == nil && named(m):
			err = m.Lacks("etcd")
		case err == nil:
			continue
		}
		var problem *hostfile.Problem
		if errors.As(err, &problem) {
			err = fault.WithHint(fmt.Errorf("read %s: %w", m.File, &said{problem}), byHand)
		}
		return err
	}
	return missing(h.Manifests)
}

// said is a problem without its file, which the caller names.
type said struct{ *hostfile.Problem }

func (s said) Error() string {
	if s.Line == 0 {
		return s.Message
	}
	return fmt.Sprintf("line %d: %s", s.Line, s.Message)
}

func (s said) Unwrap() error { return s.Problem }

// byHand is the way out if what etcd was told cannot be read.
const byHand = "stop etcd by hand, give --data-dir in place of --kubeadm, and start it"

// missing says that there is no manifest of etcd, and where one is if an earlier restore moved it.
func missing(manifests string) error {
	path := filepath.Join(manifests, "etcd.yaml")
	elsewhere, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Clean(manifests)), "etcdward-restore-*", "*"))
	if err == nil && len(elsewhere) > 0 {
		return fault.WithHint(fmt.Errorf("read %s: %w: a restore with another plan moved manifests to %s", path, fs.ErrNotExist, filepath.Dir(elsewhere[0])),
			"finish that one with its own plan: etcdward restore apply, or rollback, with --kubeadm")
	}
	return fault.WithHint(fmt.Errorf("no manifest in %s runs etcd: read %s: %w", manifests, path, fs.ErrNotExist), "on a host that kubeadm did not set up, give --data-dir in place of --kubeadm")
}

// imageVersion is the version in the tag of etcd's image: registry.k8s.io/etcd:3.6.5-0.
var imageVersion = regexp.MustCompile(`:v?(3\.[0-9]+\.[0-9]+)[^/]*$`)

// etcd takes what etcd's own pod says.
func (h *Host) etcd(p staticpod.Program) error {
	for _, name := range []string{"config-file", "wal-dir"} {
		if value := p.Get(name); value != "" {
			return fault.WithHint(fmt.Errorf("etcd has --%s=%s, which is not supported", name, value), "restore by hand: etcdward fetch, and etcdutl snapshot restore with the token and the bump of the plan")
		}
	}
	for _, name := range []string{"name", "data-dir", "initial-advertise-peer-urls"} {
		if p.Of[name].Unresolved {
			return fault.WithHint(fmt.Errorf("--%s=%s has a variable whose value is not in the manifest", name, p.Get(name)), byHand)
		}
	}
	if err := p.Known("name", "data-dir", "initial-advertise-peer-urls", "wal-dir", "config-file"); err != nil {
		return fault.WithHint(err, byHand)
	}
	h.Name = cmp.Or(p.Get("name"), "default")
	h.PeerURLs = strings.Split(p.Get("initial-advertise-peer-urls"), ",")
	inside := cmp.Or(p.Get("data-dir"), "/var/lib/etcd")
	var is bool
	if h.DataDir, is = p.OnHost(inside); !is {
		return fmt.Errorf("%s in the container is on no hostPath volume: nothing of it is on the host", filepath.Clean(inside))
	}
	h.InitialCluster = p.Get("initial-cluster")
	if m := imageVersion.FindStringSubmatch(p.Image); m != nil {
		h.EtcdVersion = m[1]
	}
	for _, name := range []string{"listen-client-urls", "listen-peer-urls", "listen-metrics-urls"} {
		for _, u := range strings.Split(p.Get(name), ",") {
			if u != "" && !strings.ContainsAny(u, "$`") {
				h.EtcdURLs = append(h.EtcdURLs, reachable(u))
			}
		}
	}
	if first, _, _ := strings.Cut(p.Get("listen-metrics-urls"), ","); strings.HasPrefix(first, "http://") && !p.Of["listen-metrics-urls"].Unresolved {
		h.Health = reachable(first)
	}
	return nil
}

// other takes the address at which another pod of the control plane answers.
func (h *Host) other(program string, s hostfile.Settings) {
	ports := map[string]string{"kube-apiserver": "6443", "kube-controller-manager": "10257", "kube-scheduler": "10259"}
	known := func(name string) string {
		if s.Of[name].Unresolved {
			return ""
		}
		return s.Get(name)
	}
	host := cmp.Or(known("bind-address"), known("advertise-address"), "127.0.0.1")
	h.Others = append(h.Others, reachable("https://"+net.JoinHostPort(host, cmp.Or(known("secure-port"), ports[program]))))
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
