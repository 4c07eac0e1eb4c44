// Package discover finds where a host keeps its etcd, and which certificates let a client in, from what kubeadm, RKE2, k3s, k0s,
// kubespray, a package, a unit of systemd or kube-apiserver were told. It reads files alone: it does not know whether any of it runs,
// and nothing of backups.
//
// Its one invariant: every fact was read from a file that it names. A file that cannot be understood is an error with its
// line, and never a guess.
package discover

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/staticpod"
)

// Kind is what set up the etcd of a host, or the host itself.
type Kind string

// The kinds that are told apart.
const (
	Kubeadm   Kind = "kubeadm"
	RKE2      Kind = "RKE2"
	K3s       Kind = "k3s"
	Kubespray Kind = "kubespray"
	Debian    Kind = "Debian"
	// APIServer is an etcd of which only kube-apiserver on this host tells.
	APIServer Kind = "kube-apiserver"
	Talos     Kind = "Talos"
	OpenShift Kind = "OpenShift"
	K0s       Kind = "k0s"
	Kops      Kind = "kops"
	K8sSnap   Kind = "Canonical's k8s snap"
	MicroK8s  Kind = "MicroK8s"
	RKE1      Kind = "RKE1"
	RHEL      Kind = "RHEL"
	// Unit is an etcd that a unit of systemd runs, of no distribution's.
	Unit Kind = "systemd"
)

// Host is the etcd that a host has, or uses. All paths are absolute, and those of the host.
type Host struct {
	Kind Kind
	// Member is the name of the member on this host; "" where etcd runs elsewhere.
	Member string
	// DataDir of that member; "" where no file says it.
	DataDir string
	// Endpoints for a client on this host, one as a rule: all https or all http.
	Endpoints []string
	// CAFile, CertFile and KeyFile let a client in. CertFile and KeyFile are "" where etcd asks for none, or no file names them;
	// all are "" with http.
	CAFile, CertFile, KeyFile string
	// MetricsURL is where etcd shows its metrics.
	MetricsURL string
	// ClusterName is what the cluster is called in these files, "" if that is only the default. It may serve as a proposal.
	ClusterName string
	// Seen are the files that were read, in order.
	Seen []string
	// Notes are what an operator should know of the choice.
	Notes []string
}

// Secure reports whether the endpoints are https.
func (h Host) Secure() bool {
	return len(h.Endpoints) > 0 && strings.HasPrefix(h.Endpoints[0], "https://")
}

// Nothing means that there is no etcd on this host for others to look after. It says why, and what to do instead.
type Nothing struct {
	// Kind is "" where nothing was recognised at all.
	Kind           Kind
	Reason, Advice string
	// Seen are the files that say so.
	Seen []string
}

func (n *Nothing) Error() string { return n.Reason }

// Hint is the way out.
func (n *Nothing) Hint() string { return n.Advice }

// Find looks at the files of a host, whose root is given. A member that is found wins over whatever else was left on the host, with a note
// of it. The error is a *[Nothing], a *[Problem], or that of a file which could not be read.
func Find(root fs.FS) (Host, error) {
	l := &look{root: root}
	var s search
	for _, find := range []func() (Host, error){
		l.talos, l.openShift, l.kubeadm, l.rke2, l.k3s, l.k0s, l.k8sSnap, l.microK8s, l.kubespray, l.unit, l.debian, l.rhel, l.rke1,
	} {
		if err := s.look(l, find); err != nil {
			return Host{}, err
		}
	}
	if len(s.members) == 0 && s.problem == nil { // kube-apiserver is asked last: it tells nothing of the member on this host
		if err := s.look(l, l.apiServer); err != nil {
			return Host{}, err
		}
	}
	h, err := s.choose()
	if err != nil {
		return Host{}, err
	}
	if h.Kind == "" {
		return Host{}, l.nothing()
	}
	l.seen = h.Seen
	if h.ClusterName, err = l.clusterName(h.ClusterName); err != nil {
		return Host{}, err
	}
	h.Seen = l.seen
	return h, nil
}

// errElsewhere means that a host is not of the kind in question.
var errElsewhere = errors.New("not of this kind")

// nothing is for hosts without any trace of etcd.
func (l *look) nothing() error {
	n := &Nothing{
		Reason: "no etcd of kubeadm, RKE2, k3s, k0s, kubespray, a package or a unit is on this host, and no kube-apiserver that names one",
		Advice: "run it on a control-plane host; or name the etcd with --endpoint https://HOST:2379, --ca-file, --cert-file and --key-file",
	}
	for _, trace := range []string{"/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet.conf"} {
		is, err := l.exists(trace)
		if err != nil {
			return err
		}
		if is {
			n.Reason = "this host is a worker: it has a kubelet, and neither etcd nor kube-apiserver"
			n.Seen = append(n.Seen, trace)
			return n
		}
	}
	return n
}

// defaultNames are the names of clusters that were given none.
var defaultNames = []string{"kubernetes", "etcd-cluster", "k8s_etcd", "default", "cluster.local"}

var clusterNameForm = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// clusterName is that of kube-controller-manager, or else token, where they are of the form that a home in a store has.
func (l *look) clusterName(token string) (string, error) {
	name := ""
	pod, err := l.program("kube-controller-manager", "")
	var problem *Problem
	switch {
	case errors.As(err, &problem), errors.Is(err, errElsewhere):
		// The name is only a proposal.
	case err != nil:
		return "", err
	default:
		name = pod.Get("cluster-name")
	}
	for _, candidate := range []string{strings.ToLower(name), strings.ToLower(token)} {
		if clusterNameForm.MatchString(candidate) && !slices.Contains(defaultNames, candidate) {
			return candidate, nil
		}
	}
	return "", nil
}

// look is one look at a host.
type look struct {
	root fs.FS
	seen []string
	// untold: the host that is being looked at was told nothing, and is what its package presets.
	untold bool
	// notes of the host that is being looked at, for those that its kind does not make itself.
	notes []string
	// The static pods, once they were read.
	podsRead bool
	pods     []staticpod.Manifest
	kubelet  staticpod.Kubelet
}

// inside is an absolute path as io/fs wants it.
func inside(name string) string {
	if name = strings.TrimPrefix(path.Clean(name), "/"); name == "" {
		return "."
	}
	return name
}
