package discover

import (
	"errors"
	"slices"
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
		Advice: "talosctl -n NODE etcd snapshot FILE, from a machine with a talosconfig; etcdward verify --file FILE then says whether it is sound"}
}

func (l *look) openShift() (Host, error) {
	release, err := l.release()
	if err != nil {
		return Host{}, err
	}
	const pod = manifests + "etcd-pod.yaml"
	is, err := l.exists(pod)
	if err != nil {
		return Host{}, err
	}
	if is {
		l.seen = append(l.seen, pod)
	}
	if !is && !slices.Contains([]string{"rhcos", "scos"}, release["ID"].Value) && release["OPENSHIFT_VERSION"].Value == "" {
		return Host{}, errElsewhere
	}
	return Host{}, &Nothing{Kind: OpenShift, Reason: "this host runs OpenShift, whose operator owns etcd and its certificates",
		Advice: "/usr/local/bin/cluster-backup.sh /home/core/backup, in oc debug node/NODE after chroot /host; etcdward verify --file then says whether the snapshot is sound"}
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
