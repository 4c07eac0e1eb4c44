package discover

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/hostfile"
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

// rancherConfig reads where the distribution keeps its files, and whether it was told of a datastore elsewhere: by the flags in its
// unit, else by its configuration files, else by the unit's environment.
func (l *look) rancherConfig(r rancher) (home string, external bool, err error) {
	home = "/var/lib/rancher/" + r.name
	of := Settings{Of: map[string]Setting{}}
	told, err := l.rancherUnit(r)
	if err != nil {
		return "", false, err
	}
	config := "/etc/rancher/" + r.name + "/config.yaml"
	if at, err := absolute(told, "config"); err != nil {
		return "", false, err
	} else if at != "" {
		config = path.Clean(at)
	}
	files := []string{config}
	more, err := fs.Glob(l.root, inside(config)+".d/*")
	if err != nil {
		return "", false, err
	}
	slices.Sort(more)
	for _, name := range more {
		if ending := path.Ext(name); ending == ".yaml" || ending == ".yml" {
			files = append(files, "/"+name)
		}
	}
	for _, file := range files {
		if err := l.rancherFile(file, &of); err != nil {
			return "", false, err
		}
	}
	for _, name := range []string{"data-dir", "datastore-endpoint"} {
		set, given := told.Of[name]
		_, configured := of.Of[name]
		if given && set.Value != "" && (!configured || strings.Contains(set.Name, ": -")) {
			of.Of[name] = set
		}
	}
	if dir, given := of.Of["data-dir"]; given {
		if !path.IsAbs(dir.Value) || !printable(dir.Value) {
			file, _, _ := strings.Cut(dir.Name, ": ")
			return "", false, &Problem{File: file, Line: dir.Line, Message: fmt.Sprintf("data-dir: %q is no absolute path", Clip(dir.Value))}
		}
		home = path.Clean(dir.Value)
	}
	return home, of.Get("datastore-endpoint") != "", nil
}

// rancherFile adds what one configuration file says. It may be empty.
func (l *look) rancherFile(file string, of *Settings) error {
	text, err := l.read(file)
	if errors.Is(err, errElsewhere) {
		return nil
	}
	if err != nil {
		return err
	}
	root, _, err := hostfile.ParseYAML(file, text)
	if err != nil {
		return err
	}
	for _, name := range []string{"data-dir", "datastore-endpoint"} {
		if at := root.Field(name); at.Text() != "" {
			of.Of[name] = Setting{Name: file + ": " + name, Value: at.Text(), Line: at.Line()}
		}
	}
	return nil
}

// rancherUnit is what the unit of a server tells it, by flags or by the environment.
func (l *look) rancherUnit(r rancher) (Settings, error) {
	unit := r.name
	if r.kind == RKE2 {
		unit = "rke2-server"
	}
	s, err := l.controller(unit, r.name)
	if errors.Is(err, errElsewhere) {
		return Settings{}, nil
	}
	if err != nil {
		return s, err
	}
	if dir, short := s.Of["d"]; short && s.Get("data-dir") == "" {
		s.Of["data-dir"] = dir
	}
	if at, short := s.Of["c"]; short && s.Get("config") == "" {
		s.Of["config"] = at
	}
	if at := s.Get("config-file"); at != "" && s.Get("config") == "" { // K3S_CONFIG_FILE
		s.Of["config"] = s.Of["config-file"]
	}
	if s.Get("data-dir")+s.Get("config")+s.Get("datastore-endpoint") != "" {
		l.note(s.File)
	}
	for name, set := range s.Of {
		set.Name = s.File + ": " + set.Name
		s.Of[name] = set
	}
	return s, nil
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
