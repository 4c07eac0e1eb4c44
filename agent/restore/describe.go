package restore

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// tellSteps says what this host is about to do.
func (a *Applier) tellSteps(steps []string) {
	for i, s := range steps {
		a.tell("%d. %s", i+1, s)
	}
}

// steps of one host, in words.
func (a *Applier) steps(l layout) []string {
	steps := []string{
		fmt.Sprintf("restore the snapshot into %s, revision %d, compacted, in a child process (%s)", l.work, a.Plan.Revision(), a.Plan.lasts(200)),
		fmt.Sprintf("boot an etcd on a copy of it, without peers, and compare every key (%s)", a.Plan.lasts(100)),
	}
	if a.Host != nil {
		steps = append(steps, fmt.Sprintf("move %s out of %s to %s, and wait until they have stopped", strings.Join(a.Host.Files, ", "), a.Host.Manifests, a.Host.Aside))
	}
	if found, err := identify(l.live); err == nil && found != (identity{}) {
		steps = append(steps, fmt.Sprintf("rename %s to %s, and the new directory into its place, with its owner, mode and security label", l.live, l.old))
	} else {
		steps = append(steps, fmt.Sprintf("rename the new directory to %s", l.live))
	}
	if a.Host != nil {
		steps = append(steps, "move the manifests back, unchanged, etcd's first, and wait until it answers")
	}
	return steps
}

// stepsOn are those that an interrupted run left: the directory is restored and checked.
func (a *Applier) stepsOn(l layout, j journal) []string {
	steps := a.steps(l)[2:]
	if inPlace, err := is(l.live, j.New); err == nil && inPlace {
		return steps[len(steps)-1:]
	}
	return steps
}

// stepsBack are those of a rollback.
func (a *Applier) stepsBack(l layout, j journal) []string {
	if asBefore, err := l.asBefore(j); err != nil || asBefore || j.Step == StepRestoring || j.Step == StepReady {
		steps := []string{fmt.Sprintf("remove what was in the making beside %s, which is as it was", l.live)}
		if len(j.Files) > 0 {
			steps = append(steps, fmt.Sprintf("move the manifests that are in %s back to %s", j.Aside, j.Manifests))
		}
		return steps
	}
	var steps []string
	if len(j.Files) > 0 {
		steps = append(steps, fmt.Sprintf("move %s out of %s to %s, and wait until they have stopped", strings.Join(j.Files, ", "), j.Manifests, j.Aside))
	}
	steps = append(steps, fmt.Sprintf("rename %s, the restored directory, to %s", l.live, cmp.Or(j.Undone, l.undone("TIME"))))
	if old := kept(l, j); old != "" {
		steps = append(steps, fmt.Sprintf("rename %s, the directory as it was, to %s", old, l.live))
	}
	if len(j.Files) > 0 {
		steps = append(steps, "move the manifests back, unchanged")
	}
	return steps
}

// lasts estimates how long the snapshot takes at so many MB/s.
func (p Plan) lasts(rate int64) string {
	return "about " + max(time.Second, time.Duration(p.Snapshot.SizeBytes/rate/1e6)*time.Second).String()
}

// Runbook says what each host does, in order, and what remains to be done by hand.
func (p Plan) Runbook(path string) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("SHA-256 of the plan: %s", p.SHA256)
	say("It must be the same on every host: `etcdward restore apply` shows it there.\n")
	say("1. Copy %s, unchanged, to every host.", path)
	say("2. Stop every writer on ALL hosts before the first switch. kubeadm: `restore apply --kubeadm` stops this host's own API server;")
	say("   on the others move kube-apiserver.yaml out of /etc/kubernetes/manifests first, or the old quorum goes on taking writes.")
	say("   Plain etcd: systemctl stop etcd. RKE2: rke2-killall.sh (stopping the service leaves etcd running). k3s: systemctl stop k3s.")
	say("3. On each host, one after the other (fetching, then restoring %s and checking %s):", p.lasts(200), p.lasts(100))
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
