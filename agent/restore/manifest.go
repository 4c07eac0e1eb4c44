package restore

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
	"strings"

	"go.yaml.in/yaml/v4"
)

// The manifests of kubeadm's static pods, in the order in which they are moved out: who writes to etcd first.
const etcdManifest = "etcd.yaml"

var podFiles = []string{"kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml", etcdManifest}

// Host is what the static pods of a control-plane host say.
type Host struct {
	Member
	// EtcdVersion from the image's tag; "" when it is none.
	EtcdVersion string
	// InitialCluster as etcd was first told of it.
	InitialCluster string
	// Manifests is the folder that the kubelet watches; Files those of podFiles that are in it, or were when a
	// restore moved them Aside.
	Manifests, Aside string
	Files            []string
	// etcdURLs and others are where somebody answers while the pods run; health is etcd's metrics listener, or "".
	etcdURLs, others []string
	health           string
}

// pod is as much of a static pod as is read.
type pod struct {
	Spec struct {
		Containers []struct {
			Name         string   `yaml:"name"`
			Image        string   `yaml:"image"`
			Command      []string `yaml:"command"`
			Args         []string `yaml:"args"`
			VolumeMounts []struct {
				Name      string `yaml:"name"`
				MountPath string `yaml:"mountPath"`
			} `yaml:"volumeMounts"`
		} `yaml:"containers"`
		Volumes []struct {
			Name     string `yaml:"name"`
			HostPath struct {
				Path string `yaml:"path"`
			} `yaml:"hostPath"`
		} `yaml:"volumes"`
	} `yaml:"spec"`
}

// AsideOf is where the manifests in a folder go while a plan is applied: beside the folder, since the kubelet runs whatever is
// in it.
func AsideOf(manifests string, p Plan) string {
	return filepath.Join(filepath.Dir(filepath.Clean(manifests)), "etcdward-restore-"+p.ShortID())
}

// ReadHost reads the static pods in a folder, or in the one aside, "" for none. An error means that this is no
// kubeadm host, or one whose etcd cannot be restored so.
func ReadHost(manifests, aside string) (Host, error) {
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
			h.other(name, flagsOf(p))
		}
		if err != nil {
			return h, fmt.Errorf("read %s: %w", filepath.Join(manifests, name), err)
		}
	}
	if h.Name == "" {
		return h, hinted(fmt.Errorf("read %s: %w", filepath.Join(manifests, etcdManifest), fs.ErrNotExist),
			"on a host that kubeadm did not set up, give --data-dir in place of --kubeadm")
	}
	return h, nil
}

// readPod reads one manifest from the first of the folders that has it.
func readPod(name string, folders ...string) (p pod, found bool, err error) {
	defer func() {
		if r := recover(); r != nil { // as in decodePlan
			err = fmt.Errorf("read %s: %v", name, r)
		}
	}()
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = yaml.Load(text, &p)
		}
		if err == nil && len(p.Spec.Containers) == 0 {
			err = errors.New("it is no pod with a container")
		}
		if err != nil {
			return p, false, fmt.Errorf("read %s: %w", filepath.Join(folder, name), err)
		}
		return p, true, nil
	}
	return p, false, nil
}

// flagsOf are the --name=value of the first container.
func flagsOf(p pod) map[string]string {
	flags := map[string]string{}
	c := p.Spec.Containers[0]
	for _, arg := range append(c.Command, c.Args...) {
		if name, value, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "="); ok && strings.HasPrefix(arg, "--") {
			flags[name] = value
		}
	}
	return flags
}

// imageVersion is the version in the tag of etcd's image: registry.k8s.io/etcd:3.6.5-0.
var imageVersion = regexp.MustCompile(`:v?(3\.[0-9]+\.[0-9]+)[^/]*$`)

// etcd takes what etcd's own pod says.
func (h *Host) etcd(p pod) error {
	flags := flagsOf(p)
	if dir := flags["wal-dir"]; dir != "" {
		return fmt.Errorf("etcd keeps its log apart, in --wal-dir=%s: that is not supported; restore by hand with etcdutl", dir)
	}
	h.Name = cmp.Or(flags["name"], "default")
	h.PeerURLs = strings.Split(flags["initial-advertise-peer-urls"], ",")
	h.DataDir = hostPath(p, cmp.Or(flags["data-dir"], "/var/lib/etcd"))
	h.InitialCluster = flags["initial-cluster"]
	if m := imageVersion.FindStringSubmatch(p.Spec.Containers[0].Image); m != nil {
		h.EtcdVersion = m[1]
	}
	for _, name := range []string{"listen-client-urls", "listen-peer-urls", "listen-metrics-urls"} {
		for _, u := range strings.Split(flags[name], ",") {
			if u != "" {
				h.etcdURLs = append(h.etcdURLs, reachable(u))
			}
		}
	}
	if first, _, _ := strings.Cut(flags["listen-metrics-urls"], ","); strings.HasPrefix(first, "http://") {
		h.health = reachable(first)
	}
	return validateMembers([]Member{h.Member})
}

// hostPath is where a path in the first container is on the host.
func hostPath(p pod, inside string) string {
	for _, mount := range p.Spec.Containers[0].VolumeMounts {
		rest, below := strings.CutPrefix(inside, mount.MountPath)
		if !below || rest != "" && !strings.HasPrefix(rest, "/") {
			continue
		}
		for _, v := range p.Spec.Volumes {
			if v.Name == mount.Name && v.HostPath.Path != "" {
				return filepath.Join(v.HostPath.Path, rest)
			}
		}
	}
	return inside
}

// other takes the address at which another pod of the control plane answers.
func (h *Host) other(file string, flags map[string]string) {
	ports := map[string]string{"kube-apiserver.yaml": "6443", "kube-controller-manager.yaml": "10257", "kube-scheduler.yaml": "10259"}
	host := cmp.Or(flags["bind-address"], flags["advertise-address"], "127.0.0.1")
	h.others = append(h.others, reachable("https://"+net.JoinHostPort(host, cmp.Or(flags["secure-port"], ports[file]))))
}

// reachable puts an address that a connection can be made to in place of "all of this host's".
func reachable(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	}
	return u.String()
}

// MembersOf gives the members that etcd was first told of, with the data directory of this host for all. It is as old as
// this host's joining: members that came later are not in it.
func (h Host) MembersOf() ([]Member, error) {
	byName := map[string]*Member{}
	var order []string
	for _, pair := range strings.Split(h.InitialCluster, ",") {
		name, u, ok := strings.Cut(pair, "=")
		if !ok {
			continue
		}
		if byName[name] == nil {
			byName[name] = &Member{Name: name, DataDir: h.DataDir}
			order = append(order, name)
		}
		byName[name].PeerURLs = append(byName[name].PeerURLs, u)
	}
	members := make([]Member, len(order))
	for i, name := range order {
		members[i] = *byName[name]
	}
	return members, validateMembers(members)
}
