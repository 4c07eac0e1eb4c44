package discover

import (
	"errors"
	"path"
	"strings"

	"github.com/etcdward/etcdward/agent/hostfile"
)

// k0s reads what the unit and the configuration of k0s say. It starts its etcd itself, with the same settings on each host, except
// for spec.storage.etcd.extraArgs.
func (l *look) k0s() (Host, error) {
	home, config := "/var/lib/k0s", "/etc/k0s/k0s.yaml"
	told, err := l.controller("k0scontroller", "k0s")
	if err != nil && !errors.Is(err, errElsewhere) {
		return Host{}, err
	}
	if err == nil {
		for name, to := range map[string]*string{"data-dir": &home, "config": &config} {
			given, err := absolute(told, name)
			if err != nil {
				return Host{}, err
			}
			if given != "" {
				*to = path.Clean(given)
			}
		}
	}
	storage, err := l.k0sStorage(config)
	if err != nil {
		return Host{}, err
	}
	is, err := l.any(home+"/etcd", home+"/pki/etcd/ca.crt")
	switch {
	case err != nil:
		return Host{}, err
	case !storage.Field("etcd").Field("externalCluster").Absent():
		return Host{}, &Nothing{Kind: K0s, Reason: "k0s on this host keeps its data in an etcd elsewhere, which externalCluster in " + config + " names",
			Advice: "run it on the hosts of that etcd; or name it with --endpoint, --ca-file, --cert-file and --key-file"}
	case !is:
		return Host{}, l.k0sWithoutEtcd(home)
	}
	l.note(home + "/etcd")
	return l.k0sMember(home, config, storage)
}

// k0sMember is the etcd that k0s starts.
func (l *look) k0sMember(home, config string, storage hostfile.Node) (Host, error) {
	s := Settings{File: config, Of: map[string]Setting{}}
	for name, value := range map[string]string{"name": l.hostname(), "data-dir": home + "/etcd", "listen-client-urls": "https://127.0.0.1:2379",
		"client-cert-auth": "true", "trusted-ca-file": home + "/pki/etcd/ca.crt", "cert-file": home + "/pki/etcd/server.crt"} {
		s.Of[name] = Setting{Name: name, Value: value}
	}
	for _, e := range storage.Field("etcd").Field("extraArgs").Entries() {
		s.Of[e.Key] = Setting{Name: e.Key, Value: e.Value.Text(), Line: e.Value.Line()}
	}
	h, err := l.member(K0s, s, asIs)
	if err != nil || !h.Secure() {
		return h, err
	}
	ca, err := absolute(s, "trusted-ca-file")
	if err != nil {
		return h, err
	}
	return h, l.letIn(&h, s, ca, "start k0scontroller once: it makes them",
		pair{cert: home + "/pki/apiserver-etcd-client.crt", key: home + "/pki/apiserver-etcd-client.key"})
}

// k0sStorage is the section spec.storage of its configuration; absent where there is none.
func (l *look) k0sStorage(config string) (hostfile.Node, error) {
	text, err := l.read(config)
	if errors.Is(err, errElsewhere) {
		return hostfile.Node{}, nil
	}
	if err != nil {
		return hostfile.Node{}, err
	}
	root, _, err := hostfile.ParseYAML(config, text)
	return root.Field("spec").Field("storage"), err
}

// k0sWithoutEtcd says what a host of k0s is that has no etcd; errElsewhere: it is no such host.
func (l *look) k0sWithoutEtcd(home string) error {
	for _, trace := range []struct{ path, reason, advice string }{
		{"/db/state.db", "k0s on this host keeps its data in SQLite (kine), and not in etcd", "k0s backup --save-path FOLDER"},
		{"/pki", "k0s on this host is a controller without an etcd of its own: " + home + "/pki/etcd/ca.crt is not there", "run it on the controllers that have one; or k0s backup --save-path FOLDER"},
		{"/kubelet", "k0s on this host is a worker, which keeps no etcd", "run it on the controllers"},
	} {
		is, err := l.exists(home + trace.path)
		if err != nil {
			return err
		}
		if is {
			l.note(home + trace.path)
			return &Nothing{Kind: K0s, Reason: trace.reason, Advice: trace.advice}
		}
	}
	return errElsewhere
}

// any reports whether there is something at one of the paths.
func (l *look) any(names ...string) (bool, error) {
	for _, name := range names {
		if is, err := l.exists(name); err != nil || is {
			return is, err
		}
	}
	return false, nil
}

// hostname is what systemd's %H gives.
func (l *look) hostname() string {
	text, err := l.read("/etc/hostname")
	if err != nil || strings.TrimSpace(string(text)) == "" {
		return "default"
	}
	return strings.TrimSpace(string(text))
}
