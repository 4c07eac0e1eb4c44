package discover

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/discover/unit"

	"github.com/etcdward/etcdward/agent/hostfile"
)

// controller is what a unit tells the program of a distribution: by flags, else by the environment, whose names begin with its own.
func (l *look) controller(unitName, program string) (Settings, error) {
	u, err := l.service(unitName)
	if err != nil {
		return Settings{}, err
	}
	commands, _ := hostfile.Commands(u.Exec, program, hostfile.Scope{Env: u.Env})
	if len(commands) != 1 {
		return Settings{File: u.File}.WithEnvironment(strings.ToUpper(program)+"_", u.Env), nil
	}
	return commands[0].Settings(u.File, strings.ToUpper(program)+"_"), nil
}

// unit finds an etcd that a unit of the administrator's runs, whatever it is called.
func (l *look) unit() (Host, error) {
	names, err := unit.Names(l.root)
	if err != nil {
		return Host{}, err
	}
	var found []unit.Service
	var commands []hostfile.Command
	for _, name := range names {
		u, err := l.service(name)
		if errors.Is(err, errElsewhere) {
			continue
		}
		if err != nil && !strings.Contains(name, "etcd") {
			continue // it is another program's, most likely: those that are known are read by their own names
		}
		if err != nil {
			return Host{}, err
		}
		starts, unread := hostfile.Commands(u.Exec, "etcd", hostfile.Scope{Env: u.Env, Hostname: l.peekHostname()})
		switch {
		case len(starts) > 1 || len(starts) == 1 && inContainer(u.Exec):
			return Host{}, &Problem{File: u.File, Line: u.Exec[0].Line, Message: "it starts etcd in a way that cannot be read here: " + Clip(u.Exec[0].Text)}
		case len(starts) == 1:
			found, commands = append(found, u), append(commands, starts[0])
		case u.Name == "etcd" && len(unread) > 0:
			return Host{}, &Problem{File: u.File, Line: u.Exec[0].Line, Message: "it starts etcd by what cannot be read here: " + strings.Join(unread, "; ")}
		}
	}
	switch {
	case len(found) == 0:
		return Host{}, errElsewhere
	case len(found) > 1:
		return Host{}, &understood{&Problem{File: found[0].File, Message: fmt.Sprintf("%s runs etcd as well", found[1].File), Advice: "name the one that is meant with --endpoint, --ca-file, --cert-file and --key-file"}}
	}
	return l.unitMember(found[0], commands[0])
}

// containers are programs whose paths and addresses are not those of the host.
var containers = []string{"docker", "podman", "nerdctl", "ctr", "crictl", "rkt", "systemd-nspawn"}

func inContainer(words []hostfile.Word) bool {
	return slices.ContainsFunc(words, func(w hostfile.Word) bool { return slices.Contains(containers, path.Base(w.Text)) })
}

// unitMember is the etcd of a unit.
func (l *look) unitMember(u unit.Service, c hostfile.Command) (Host, error) {
	s := c.Settings(u.File, "ETCD_")
	own := u.OfAdministrator()
	for _, file := range u.EnvFiles {
		if file == "/etc/etcd.env" || !own && (file == "/etc/default/etcd" || file == "/etc/etcd/etcd.conf") {
			return Host{}, errElsewhere // kubespray's, or the package's: these are known better
		}
	}
	l.note(u.File)
	for _, file := range u.EnvFiles {
		l.note(file)
	}
	h, s, ca, err := l.memberAndCA(Unit, s, asIs)
	if err != nil || !h.Secure() {
		return h, err
	}
	return h, l.packageCertificates(&h, s, ca, u.Env)
}

// service reads a unit. errElsewhere: there is none.
func (l *look) service(name string) (unit.Service, error) {
	u, err := unit.Read(l.root, name, l.peekHostname())
	if errors.Is(err, fs.ErrNotExist) {
		return u, errElsewhere
	}
	return u, err
}

// peekHostname is hostname, without noting the file.
func (l *look) peekHostname() string {
	seen := l.seen
	name := l.hostname()
	l.seen = seen
	return name
}
