package discover

import (
	"errors"
	"strings"

	"github.com/etcdward/etcdward/agent/hostfile"
)

// snap is a Kubernetes that Canonical ships as a snap: what its programs are told lies in the folder args.
type snap struct {
	kind         Kind
	args         string // folder of arguments
	data, common string // $SNAP_DATA and $SNAP_COMMON
	// configs are where an etcd of its own has its configuration file.
	configs []string
	// without is for a host whose data are in no etcd.
	without Nothing
}

func (l *look) k8sSnap() (Host, error) {
	const common = "/var/snap/k8s/common"
	return l.snap(snap{kind: K8sSnap, args: common + "/args", data: "/var/snap/k8s/current", common: common,
		configs: []string{common + "/var/lib/etcd/etcd.yaml", common + "/var/lib/k8s-dqlite/etcd.yaml"},
		without: Nothing{Kind: K8sSnap, Reason: "Canonical's k8s snap on this host keeps its data in dqlite, and not in etcd",
			Advice: "back up " + common + "/var/lib/k8s-dqlite as its documentation says; or bootstrap the cluster with datastore-type: etcd"}})
}

func (l *look) microK8s() (Host, error) {
	const current = "/var/snap/microk8s/current"
	return l.snap(snap{kind: MicroK8s, args: current + "/args", data: current, common: "/var/snap/microk8s/common",
		without: Nothing{Kind: MicroK8s, Reason: "MicroK8s on this host keeps its data in dqlite, and not in etcd", Advice: "microk8s dbctl backup FILE"}})
}

// snap reads what the snap's kube-apiserver was told of its datastore, and the configuration of its etcd.
func (l *look) snap(s snap) (Host, error) {
	api, err := l.arguments(s, "kube-apiserver")
	if err != nil {
		return Host{}, err
	}
	if server := api.Get("etcd-servers"); !strings.HasPrefix(server, "http") {
		without := s.without
		return Host{}, &without
	}
	h, err := l.told(s.kind, api, asIs)
	if err != nil {
		return h, err
	}
	own, err := l.snapEtcd(s)
	if errors.Is(err, errElsewhere) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	m, err := l.member(s.kind, own, asIs)
	if err != nil {
		return h, err
	}
	h.Member, h.DataDir, h.MetricsURL, h.ClusterName = m.Member, m.DataDir, m.MetricsURL, m.ClusterName
	h.Notes = append(h.Notes, m.Notes...)
	return h, nil
}

// snapEtcd is what the etcd of a snap was told; errElsewhere: it has none on this host.
func (l *look) snapEtcd(s snap) (Settings, error) {
	for _, file := range s.configs {
		text, err := l.read(file)
		if errors.Is(err, errElsewhere) {
			continue
		}
		if err != nil {
			return Settings{}, err
		}
		return parseConfig(file, text)
	}
	own, err := l.arguments(s, "etcd")
	if err != nil {
		return own, err
	}
	return l.configFile(own, asIs)
}

// arguments reads what one program of a snap was told, a flag to a line.
func (l *look) arguments(s snap, program string) (Settings, error) {
	file := s.args + "/" + program
	text, err := l.read(file)
	if err != nil {
		return Settings{}, err
	}
	fill := strings.NewReplacer("${SNAP_DATA}", s.data, "$SNAP_DATA", s.data, "${SNAP_COMMON}", s.common, "$SNAP_COMMON", s.common)
	var words []hostfile.Word
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		for _, word := range strings.Fields(line) {
			word = strings.NewReplacer(`"`, "", `'`, "").Replace(fill.Replace(word))
			words = append(words, hostfile.Word{Text: word, Line: i + 1, Unresolved: strings.Contains(word, "$")})
		}
	}
	return Settings{File: file, Of: hostfile.Flags(words)}, nil
}
