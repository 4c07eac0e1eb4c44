package discover

import (
	"errors"
	"path"

	"github.com/etcdward/etcdward/agent/discover/endpoint"

	"github.com/etcdward/etcdward/agent/staticpod"
)

const noHealthcheck = "kubeadm init phase certs etcd-healthcheck-client makes it, where kubeadm set up etcd; or name them with --ca-file, --cert-file and --key-file"

// kubeadm reads the static pod of etcd.
func (l *look) kubeadm() (Host, error) {
	pod, err := l.program("etcd", "ETCD_")
	if err != nil {
		return Host{}, err
	}
	h, err := l.etcdPod(pod)
	var problem *Problem
	if errors.As(err, &problem) && pod.Unsure() {
		return h, &understood{problem}
	}
	return h, err
}

// etcdPod takes what the pod was told.
func (l *look) etcdPod(pod staticpod.Program) (Host, error) {
	h, s, ca, err := l.memberAndCA(Kubeadm, pod.Settings, pod.HostPath)
	if err != nil || !h.Secure() {
		return h, err
	}
	if ca = pod.HostPath(ca); ca == "" {
		ca = "/etc/kubernetes/pki/etcd/ca.crt"
	}
	own, above := path.Dir(ca), path.Dir(path.Dir(ca))
	return h, l.letIn(&h, s, ca, noHealthcheck,
		pair{cert: own + "/healthcheck-client.crt", key: own + "/healthcheck-client.key"},
		pair{above + "/apiserver-etcd-client.crt", above + "/apiserver-etcd-client.key",
			"there is no healthcheck-client certificate: that of kube-apiserver is used, which kubeadm renews as well"})
}

// apiServer reads what kube-apiserver was told of its etcd, wherever that is.
func (l *look) apiServer() (Host, error) {
	pod, err := l.program("kube-apiserver", "")
	if errors.Is(err, errElsewhere) {
		return l.apiServerUnit()
	}
	if err != nil {
		return Host{}, err
	}
	h, err := l.told(APIServer, pod.Settings, pod.HostPath)
	if err != nil {
		return h, err
	}
	kops, err := l.isKops()
	if kops {
		h.Kind = Kops
		h.Notes = append(h.Notes, "etcd-manager of kops starts this etcd and restores it: etcdward takes its backups; to restore one use etcd-manager-ctl, or fetch it and follow docs/restore.md by hand")
	}
	return h, err
}

// apiServerUnit is kube-apiserver as a service of systemd.
func (l *look) apiServerUnit() (Host, error) {
	s, err := l.controller("kube-apiserver", "kube-apiserver")
	if err != nil {
		return Host{}, err
	}
	l.note(s.File)
	return l.told(APIServer, s, asIs)
}

// told is an etcd as kube-apiserver was told of it.
func (l *look) told(kind Kind, s Settings, hostPath func(string) string) (Host, error) {
	if err := s.Known("etcd-servers", "etcd-cafile", "etcd-certfile", "etcd-keyfile"); err != nil {
		return Host{}, err
	}
	list, err := urls(s, "etcd-servers")
	if err != nil {
		return Host{}, err
	}
	if len(list) == 0 {
		return Host{}, &Problem{File: s.File, Message: "kube-apiserver has no --etcd-servers"}
	}
	h := Host{Kind: kind}
	local := false
	for _, u := range list {
		if u.Scheme != list[0].Scheme {
			return Host{}, s.Problem("etcd-servers", "http and https are mixed")
		}
		h.Endpoints = append(h.Endpoints, u.String())
		local = local || endpoint.IsLoopback(u.Hostname())
	}
	if !local {
		h.Notes = append(h.Notes, "etcd runs on other hosts: it is better looked after from there, where a snapshot need not cross the network")
	}
	if s.Get("etcd-servers-overrides") != "" {
		h.Notes = append(h.Notes, "kube-apiserver keeps some objects in another etcd, --etcd-servers-overrides="+Clip(s.Get("etcd-servers-overrides"))+": that one needs a configuration of its own")
	}
	if !h.Secure() {
		return h, nil
	}
	return h, l.letIn(&h, s, hostPath(s.Get("etcd-cafile")), "correct kube-apiserver's --etcd-cafile, --etcd-certfile and --etcd-keyfile; or name the files with --ca-file, --cert-file and --key-file",
		pair{cert: hostPath(s.Get("etcd-certfile")), key: hostPath(s.Get("etcd-keyfile"))})
}
