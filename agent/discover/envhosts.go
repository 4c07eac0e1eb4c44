package discover

import (
	"errors"
	"path"
	"strings"
)

// kubespray reads the environment of the etcd that kubespray runs.
func (l *look) kubespray() (Host, error) {
	const file = "/etc/etcd.env"
	env, err := l.envFile(file)
	if err != nil {
		return Host{}, err
	}
	s := etcdEnvironment(file, env)
	h, err := l.member(Kubespray, s, asIs)
	if err != nil || !h.Secure() {
		return h, err
	}
	ca, err := s.absolute("trusted-ca-file")
	if err != nil {
		return h, err
	}
	// The certificate of a member is member-NODE.pem; NODE is the host in the inventory, not the name of the member.
	host := strings.TrimPrefix(strings.TrimSuffix(path.Base(s.Get("cert-file")), ".pem"), "member-")
	beside := func(role string) pair {
		return pair{cert: path.Dir(ca) + "/" + role + "-" + host + ".pem", key: path.Dir(ca) + "/" + role + "-" + host + "-key.pem"}
	}
	node := beside("node")
	node.note = "there is no admin certificate: that of the node is used"
	return h, l.letIn(&h, s, ca, "run kubespray's cluster.yml again, which makes them; or name them with --ca-file, --cert-file and --key-file",
		pair{cert: env["ETCDCTL_CERT"].Value, key: env["ETCDCTL_KEY"].Value}, beside("admin"), node)
}

// debian reads the environment of Debian's package etcd-server, whose unit presets the name and the folder.
func (l *look) debian() (Host, error) {
	const file = "/etc/default/etcd"
	env, err := l.envFile(file)
	if err != nil {
		return Host{}, err
	}
	s := etcdEnvironment(file, env)
	args := env["DAEMON_ARGS"]
	var words []Word
	for _, text := range strings.Fields(args.Value) {
		words = append(words, Word{text, args.Line})
	}
	for name, set := range Flags(words) {
		s.Of[name] = set
	}
	if len(s.Of) == 0 {
		// The package is there, and as it came. Where kube-apiserver knows better, that counts.
		if is, err := l.exists(manifests + "kube-apiserver.yaml"); err != nil || is {
			return Host{}, errors.Join(err, errElsewhere)
		}
	}
	if s, err = l.configFile(s, asIs); err != nil {
		return Host{}, err
	}
	for name, preset := range map[string]string{"name": l.hostname(), "data-dir": "/var/lib/etcd/default"} {
		if s.Get(name) == "" {
			s.Of[name] = Setting{Name: name, Value: preset}
		}
	}
	h, err := l.member(Debian, s, asIs)
	if err != nil || !h.Secure() {
		return h, err
	}
	ca, err := s.absolute("trusted-ca-file")
	if err != nil {
		return h, err
	}
	return h, l.debianCertificates(&h, s, ca, env)
}

// debianCertificates finds what lets a client in: the package makes no certificates, so that somebody else's have to do.
func (l *look) debianCertificates(h *Host, s Settings, ca string, env map[string]Setting) error {
	pairs := []pair{{cert: env["ETCDCTL_CERT"].Value, key: env["ETCDCTL_KEY"].Value}}
	pod, err := l.pod(manifests+"kube-apiserver.yaml", "kube-apiserver")
	switch {
	case errors.Is(err, errElsewhere):
	case err != nil:
		return err
	default:
		pairs = append(pairs, pair{pod.HostPath(pod.Get("etcd-certfile")), pod.HostPath(pod.Get("etcd-keyfile")), "the certificate of kube-apiserver is used"})
		if ca == "" {
			ca = pod.HostPath(pod.Get("etcd-cafile"))
		}
	}
	const advice = "name them with --ca-file, --cert-file and --key-file"
	if s.Get("client-cert-auth") != "true" {
		// Whoever trusts the CA is let in.
		if is, err := l.all(ca); err != nil || is {
			h.CAFile = ca
			return err
		}
	}
	return l.letIn(h, s, ca, advice, pairs...)
}

// hostname is what systemd's %H gives.
func (l *look) hostname() string {
	text, err := l.read("/etc/hostname")
	if err != nil {
		return "default"
	}
	return strings.TrimSpace(string(text))
}
