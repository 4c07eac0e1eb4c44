package plan

import (
	"fmt"
	"strings"
	"time"
)

// Lasts estimates how long the snapshot takes at so many MB/s.
func (p Plan) Lasts(rate int64) string {
	return "about " + max(time.Second, time.Duration(p.Snapshot.SizeBytes/rate/1e6)*time.Second).String()
}

// Runbook says what each host does, in order, and what remains to be done by hand.
func (p Plan) Runbook(path string) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("SHA-256 of the plan: %s", p.SHA256)
	say("It must be the same on every host: `etcdward restore apply` shows it there.\n")
	say("1. Copy %s, unchanged, to every host.", path)
	if p.Snapshot.File != "" {
		say("   Copy %s there as well, to the same path, or name it at each apply with --file. It holds every Secret.", p.Snapshot.File)
	}
	say("2. Stop every writer on ALL hosts before the first switch. kubeadm: `restore apply --kubeadm` stops this host's own API server;")
	say("   on the others move kube-apiserver.yaml out of /etc/kubernetes/manifests first, or the old quorum goes on taking writes.")
	say("   Plain etcd: systemctl stop etcd. RKE2: rke2-killall.sh (stopping the service leaves etcd running). k3s: systemctl stop k3s.")
	say("3. On each host, one after the other (fetching, then restoring %s and checking %s):", p.Lasts(200), p.Lasts(100))
	say("   apply checks everything first, restores beside the old directory, boots an etcd on a copy, then switches by rename. With --kubeadm")
	say("   it stops this host's control plane for the switch, a minute or two, and starts it again.")
	key := ""
	if p.Snapshot.Encrypted {
		key = " --identity FILE"
	}
	for _, m := range p.Members {
		say("   %s:", m.Name)
		say("     kubeadm:      etcdward restore apply %s --member %s --kubeadm%s", path, m.Name, key)
		say("     plain etcd:   etcdward restore apply %s --member %s --data-dir %s%s", path, m.Name, m.DataDir, key)
		say("     RKE2:         etcdward restore apply %s --member %s --data-dir /var/lib/rancher/rke2/server/db/etcd%s", path, m.Name, key)
		say("     k3s:          etcdward restore apply %s --member %s --data-dir /var/lib/rancher/k3s/server/db/etcd%s", path, m.Name, key)
	}
	say("   The cluster serves once more than half of the members run: %d of %d.", len(p.Members)/2+1, len(p.Members))
	say("   Then start what was stopped by hand: systemctl start etcd, rke2-server or k3s, on all hosts.")
	say("4. Restart what remembers: kube-controller-manager and kube-scheduler (with --kubeadm that is done), the kubelet on every node")
	say("   (systemctl restart kubelet), and operators with informers (kubectl rollout restart). Revisions go on from %d, above %d,", p.Revision(), p.HighestRevision)
	say("   the highest ever seen, and old watches end with \"compacted\", so that clients list anew.")
	say("5. etcdward snapshot --accept-new-cluster: the cluster has a new id.\n")
	say("Not in etcd, so not in the snapshot: /etc/kubernetes/pki, the EncryptionConfiguration and its keys; on RKE2 and k3s the server")
	say("token (/var/lib/rancher/rke2/server/token, /var/lib/rancher/k3s/server/token). Volumes are as they are now, not as they were.")
	say("The way back, on each host: etcdward restore rollback %s --member NAME [--kubeadm]", path)
	return b.String()
}
