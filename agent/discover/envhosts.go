package discover

import (
	"errors"
	"maps"
	"path"
	"strings"

	"github.com/etcdward/etcdward/agent/hostfile"
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
	ca, err := absolute(s, "trusted-ca-file")
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
	return l.packaged(Debian, "/etc/default/etcd", "/var/lib/etcd/default")
}

// rhel reads that of the package etcd of RHEL and its relatives.
func (l *look) rhel() (Host, error) {
	return l.packaged(RHEL, "/etc/etcd/etcd.conf", "/var/lib/etcd/default.etcd")
}

// packaged reads the environment file of a package.
func (l *look) packaged(kind Kind, file, dataDir string) (Host, error) {
	env, err := l.envFile(file)
	if err != nil {
		return Host{}, err
	}
	told := len(etcdEnvironment(file, env).Of) > 0 || env["DAEMON_ARGS"].Value != ""
	if env, err = l.withUnit(env); err != nil {
		return Host{}, err
	}
	s := etcdEnvironment(file, env)
	args := env["DAEMON_ARGS"]
	var words []hostfile.Word
	for _, text := range strings.Fields(args.Value) {
		words = append(words, hostfile.Word{Text: text, Line: args.Line})
	}
	for name, set := range hostfile.Flags(words) {
		s.Of[name] = set
	}
	for name := range s.Of {
		told = told || name != "name" && name != "data-dir" // which the unit of the package presets
	}
	l.untold = !told // the package is there, and as it came: whatever else tells of an etcd counts more
	if s, err = l.configFile(s, asIs); err != nil {
		return Host{}, err
	}
	for name, preset := range map[string]func() string{"name": l.hostname, "data-dir": func() string { return dataDir }} {
		if s.Get(name) == "" {
			s.Of[name] = Setting{Name: name, Value: preset()}
		}
	}
	h, err := l.member(kind, s, asIs)
	if err != nil || !h.Secure() {
		return h, err
	}
	ca, err := absolute(s, "trusted-ca-file")
	if err != nil {
		return h, err
	}
	return h, l.packageCertificates(&h, s, ca, env)
}

// withUnit adds what the package's unit and its drop-ins set in the environment; its file counts more.
func (l *look) withUnit(env map[string]Setting) (map[string]Setting, error) {
	u, err := l.service("etcd")
	if errors.Is(err, errElsewhere) {
		return env, nil
	}
	if err != nil {
		return nil, err
	}
	all := maps.Clone(u.Env)
	maps.Copy(all, env)
	return all, nil
}

// packageCertificates finds what lets a client in: the package makes no certificates, so others have to be found.
func (l *look) packageCertificates(h *Host, s Settings, ca string, env map[string]Setting) error {
	pairs := []pair{{cert: env["ETCDCTL_CERT"].Value, key: env["ETCDCTL_KEY"].Value}}
	var problem *Problem
	seen := l.seen
	pod, err := l.program("kube-apiserver", "")
	switch {
	case errors.Is(err, errElsewhere), errors.As(err, &problem):
		l.seen = seen
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
		// Without client certificates the CA is enough.
		if is, err := l.all(ca); err != nil || is {
			h.CAFile = ca
			return err
		}
	}
	return l.letIn(h, s, ca, advice, pairs...)
}
