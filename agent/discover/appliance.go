package discover

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/staticpod"
)

// Hosts of Talos and OpenShift take no packages, and bring means of their own.

func (l *look) talos() (Host, error) {
	release, err := l.release()
	if err != nil {
		return Host{}, err
	}
	if release["ID"].Value != "talos" {
		return Host{}, errElsewhere
	}
	return Host{}, &Nothing{Kind: Talos, Reason: "this host runs Talos, which takes no packages and keeps the certificates of etcd to itself",
		Advice: "talosctl -n NODE etcd snapshot FILE, from a machine with a talosconfig; etcdward verify --file FILE then reports whether it is sound"}
}

func (l *look) openShift() (Host, error) {
	release, err := l.release()
	if err != nil {
		return Host{}, err
	}
	all, err := l.static()
	if err != nil {
		return Host{}, err
	}
	is := false
	for _, m := range all {
		if isOpenShift(m) {
			l.note(m.File)
			is = true
		}
	}
	if !is && !slices.Contains([]string{"rhcos", "scos"}, release["ID"].Value) && release["OPENSHIFT_VERSION"].Value == "" {
		return Host{}, errElsewhere
	}
	return Host{}, &Nothing{Kind: OpenShift, Reason: "this host runs OpenShift, whose operator owns etcd and its certificates",
		Advice: "/usr/local/bin/cluster-backup.sh /home/core/backup, in oc debug node/NODE after chroot /host; etcdward verify --file then reports whether the snapshot is sound"}
}

// isOpenShift reports whether a manifest is that of OpenShift's etcd.
func isOpenShift(m staticpod.Manifest) bool {
	return m.Name == "etcd-pod.yaml" && (m.Namespace() == "openshift-etcd" || m.Namespace() == "")
}

// isKops reports whether a static pod of kops starts etcd.
func (l *look) isKops() (bool, error) {
	all, err := l.static()
	if err != nil {
		return false, err
	}
	for _, m := range all {
		if _, runs, _ := m.Running("etcd-manager", ""); runs {
			return true, nil
		}
	}
	return false, nil
}

// rke1 recognises what Rancher's first distribution leaves on a host: its etcd is a container of Docker, whose settings are in no file.
func (l *look) rke1() (Host, error) {
	const folder = "/etc/kubernetes/ssl"
	keys, err := fs.Glob(l.root, inside(folder)+"/kube-etcd-*-key.pem")
	if err != nil {
		return Host{}, err
	}
	if len(keys) == 0 {
		return Host{}, errElsewhere
	}
	key := "/" + keys[0]
	l.note(key)
	return Host{}, &Nothing{Kind: RKE1, Reason: "etcd on this host is a container that RKE1 starts, and what it was told is in no file",
		Advice: "name it: --endpoint https://127.0.0.1:2379 --ca-file " + folder + "/kube-ca.pem --cert-file " + strings.TrimSuffix(key, "-key.pem") + ".pem --key-file " + key}
}

// release reads what the host says of itself; nil where it says nothing that can be read.
func (l *look) release() (map[string]Setting, error) {
	seen := l.seen
	for _, file := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		env, err := l.envFile(file)
		var problem *Problem
		switch {
		case errors.Is(err, errElsewhere), errors.As(err, &problem):
			l.seen = seen
			continue
		case err != nil:
			return nil, err
		}
		if !slices.Contains([]string{"talos", "rhcos", "scos"}, env["ID"].Value) && env["OPENSHIFT_VERSION"].Value == "" {
			l.seen = seen // it says nothing of etcd
		}
		return env, nil
	}
	return nil, nil
}
