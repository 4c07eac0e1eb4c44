package discover

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// rancher is a distribution of Rancher's: both keep etcd alike.
type rancher struct {
	kind Kind
	name string // of its folders and its program
}

func (l *look) rke2() (Host, error) { return l.rancher(rancher{RKE2, "rke2"}) }

func (l *look) k3s() (Host, error) { return l.rancher(rancher{K3s, "k3s"}) }

func (l *look) rancher(r rancher) (Host, error) {
	home, external, err := l.rancherConfig(r)
	if err != nil {
		return Host{}, err
	}
	file := home + "/server/db/etcd/config"
	text, err := l.read(file)
	if errors.Is(err, errElsewhere) {
		return Host{}, l.withoutEtcd(r, home, external)
	}
	if err != nil {
		return Host{}, err
	}
	s, err := parseConfig(file, text)
	if err != nil {
		return Host{}, err
	}
	h, err := l.member(r.kind, s, asIs)
	if err != nil || !h.Secure() {
		return h, err
	}
	h.Notes = append(h.Notes, "a restore on new hosts also needs the server token, "+home+"/server/token: keep a copy of it elsewhere")
	tls := home + "/server/tls/etcd"
	return h, l.letIn(&h, s, tls+"/server-ca.crt", "start "+r.name+"-server once: it makes them",
		pair{cert: tls + "/client.crt", key: tls + "/client.key"})
}

// rancherConfig reads where the distribution keeps its files, and whether it was told of a datastore elsewhere.
func (l *look) rancherConfig(r rancher) (home string, external bool, err error) {
	home = "/var/lib/rancher/" + r.name
	folder := "/etc/rancher/" + r.name
	files := []string{folder + "/config.yaml"}
	more, err := fs.Glob(l.root, inside(folder)+"/config.yaml.d/*.yaml")
	if err != nil {
		return "", false, err
	}
	slices.Sort(more)
	for _, name := range more {
		files = append(files, "/"+name)
	}
	for _, file := range files {
		text, err := l.read(file)
		if errors.Is(err, errElsewhere) || err == nil && len(strings.TrimSpace(string(text))) == 0 {
			continue
		}
		if err != nil {
			return "", false, err
		}
		root, err := parseYAML(file, text)
		if err != nil {
			return "", false, err
		}
		if dir := root.field("data-dir").text(); dir != "" {
			if !path.IsAbs(dir) {
				return "", false, root.field("data-dir").problem("data-dir: %q is no absolute path", clip(dir))
			}
			home = path.Clean(dir)
		}
		external = external || root.field("datastore-endpoint").text() != ""
	}
	return home, external, nil
}

// withoutEtcd says what a host of the distribution is that keeps no etcd of its own; errElsewhere: it is no such host.
func (l *look) withoutEtcd(r rancher, home string, external bool) error {
	traces := map[string]bool{}
	for _, trace := range []string{"/server", "/server/db/state.db", "/agent"} {
		is, err := l.exists(home + trace)
		if err != nil {
			return err
		}
		if traces[trace] = is; is {
			l.seen = append(l.seen, home+trace)
		}
	}
	name := string(r.kind)
	switch {
	case traces["/server/db/state.db"] && !external:
		return &Nothing{Kind: r.kind, Reason: name + " on this host keeps its data in SQLite, " + home + "/server/db/state.db, and not in etcd",
			Advice: "back that file up, and " + home + "/server/token with it; or move to embedded etcd with k3s server --cluster-init, and run this again"}
	case external:
		return &Nothing{Kind: r.kind, Reason: name + " on this host keeps its data in a datastore elsewhere, which datastore-endpoint in its configuration names",
			Advice: "back that datastore up where it runs; if it is an etcd, name it with --endpoint, --ca-file, --cert-file and --key-file"}
	case traces["/server"]:
		return &Nothing{Kind: r.kind, Reason: name + " on this host is a server without an etcd member: " + home + "/server/db/etcd/config is not there",
			Advice: "run it on the servers that have one; a server that has not started yet has none"}
	case traces["/agent"]:
		return &Nothing{Kind: r.kind, Reason: name + " on this host is an agent, which keeps no etcd", Advice: "run it on the servers"}
	}
	return errElsewhere
}
