package discover

import "path"

const (
	manifests     = "/etc/kubernetes/manifests/"
	noHealthcheck = "kubeadm init phase certs etcd-healthcheck-client makes it, where kubeadm set up etcd; or name them with --ca-file, --cert-file and --key-file"
)

// kubeadm reads the static pod of etcd.
func (l *look) kubeadm() (Host, error) {
	pod, err := l.pod(manifests+"etcd.yaml", "etcd")
	if err != nil {
		return Host{}, err
	}
	s, err := l.configFile(pod.Settings, pod.HostPath)
	if err != nil {
		return Host{}, err
	}
	h, err := l.member(Kubeadm, s, pod.HostPath)
	if err != nil || !h.Secure() {
		return h, err
	}
	ca, err := s.absolute("trusted-ca-file")
	if err != nil {
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
	pod, err := l.pod(manifests+"kube-apiserver.yaml", "kube-apiserver")
	if err != nil {
		return Host{}, err
	}
	urls, err := pod.urls("etcd-servers")
	if err != nil {
		return Host{}, err
	}
	if len(urls) == 0 {
		return Host{}, &Problem{File: pod.File, Message: "kube-apiserver has no --etcd-servers"}
	}
	h := Host{Kind: APIServer}
	local := false
	for _, u := range urls {
		if u.Scheme != urls[0].Scheme {
			return Host{}, pod.problem("etcd-servers", "http and https are mixed")
		}
		h.Endpoints = append(h.Endpoints, u.String())
		local = local || isLoopback(u.Hostname())
	}
	if !local {
		h.Notes = append(h.Notes, "etcd runs on other hosts: it is better looked after from there, where a snapshot need not cross the network")
	}
	if !h.Secure() {
		return h, nil
	}
	return h, l.letIn(&h, pod.Settings, pod.HostPath(pod.Get("etcd-cafile")), "correct kube-apiserver's --etcd-cafile, --etcd-certfile and --etcd-keyfile; or name the files with --ca-file, --cert-file and --key-file",
		pair{cert: pod.HostPath(pod.Get("etcd-certfile")), key: pod.HostPath(pod.Get("etcd-keyfile"))})
}
