package discover

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/hostfile"
)

// unitFolders are where systemd looks for units, the first that has one counts.
var unitFolders = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// service is what a unit of systemd starts, and with which environment.
type service struct {
	name, file string
	exec       []hostfile.Word
	env        map[string]Setting
	// given are the settings of the environment as they stand in the unit's files.
	fromFiles []string
}

// service reads a unit with its drop-ins and its environment files. errElsewhere: there is none.
func (l *look) service(name string) (service, error) {
	u := service{name: name, env: map[string]Setting{}}
	var directives []hostfile.Directive
	for _, folder := range unitFolders {
		file := folder + "/" + name + ".service"
		text, err := l.peek(file)
		if errors.Is(err, errElsewhere) {
			continue
		}
		if err != nil {
			return u, err
		}
		u.file, directives = file, hostfile.ParseUnit(file, text)
		break
	}
	if u.file == "" {
		return u, errElsewhere
	}
	for _, folder := range slices.Backward(unitFolders) {
		names, err := fs.Glob(l.root, inside(folder)+"/"+name+".service.d/*.conf")
		if err != nil {
			return u, err
		}
		slices.Sort(names)
		for _, dropIn := range names {
			text, err := l.peek("/" + dropIn)
			if err != nil {
				return u, err
			}
			directives = append(directives, hostfile.ParseUnit("/"+dropIn, text)...)
		}
	}
	return u, l.fill(&u, directives)
}

// fill takes what the directives say, the later more than the earlier.
func (l *look) fill(u *service, directives []hostfile.Directive) error {
	prefix, _, _ := strings.Cut(u.name, "@")
	hostname := l.peekHostname()
	short, _, _ := strings.Cut(hostname, ".")
	specifiers := strings.NewReplacer("%%", "%", "%H", hostname, "%l", short, "%n", u.name+".service", "%N", u.name, "%p", prefix, "%i", "", "%I", "")
	var exec hostfile.Directive
	var files []string
	for _, d := range directives {
		if d.Section != "Service" {
			continue
		}
		switch d.Name {
		case "ExecStart":
			exec = d
		case "Environment":
			if d.Value == "" {
				clear(u.env)
			}
			for _, w := range d.Words() {
				if name, value, is := strings.Cut(specifiers.Replace(w.Text), "="); is {
					u.env[name] = Setting{Name: name, Value: value, Line: w.Line}
				}
			}
		case "EnvironmentFile":
			if files = append(files, specifiers.Replace(strings.TrimPrefix(d.Value, "-"))); d.Value == "" {
				files = nil
			}
		}
	}
	for _, pattern := range files { // they count more than Environment=
		names, err := fs.Glob(l.root, inside(pattern))
		if err != nil {
			names = nil // systemd passes over a pattern that is none
		}
		for _, name := range names {
			text, err := l.peek("/" + name)
			if err != nil {
				return err
			}
			env, err := hostfile.ParseEnv("/"+name, text)
			if err != nil {
				return err
			}
			maps.Copy(u.env, env)
			u.fromFiles = append(u.fromFiles, "/"+name)
		}
	}
	exec.Value = strings.TrimLeft(exec.Value, "-@:+!")
	u.exec = hostfile.Expand(exec.Words(), u.env, specifiers)
	if exec.File != "" {
		u.file = exec.File
	}
	return nil
}

// controller is what a unit tells the program of a distribution: by flags, else by the environment, whose names begin with its own.
func (l *look) controller(unit, program string) (Settings, error) {
	u, err := l.service(unit)
	if err != nil {
		return Settings{}, err
	}
	commands, _ := hostfile.Commands(u.exec, program, hostfile.Scope{Env: u.env})
	if len(commands) != 1 {
		return Settings{File: u.file}.WithEnvironment(strings.ToUpper(program)+"_", u.env), nil
	}
	return commands[0].Settings(u.file, strings.ToUpper(program)+"_"), nil
}

// unit finds an etcd that a unit of the administrator's runs, whatever it is called.
func (l *look) unit() (Host, error) {
	names, err := l.unitNames()
	if err != nil {
		return Host{}, err
	}
	var found []service
	var commands []hostfile.Command
	for _, name := range names {
		u, err := l.service(name)
		if errors.Is(err, errElsewhere) {
			continue
		}
		var problem *Problem
		if errors.As(err, &problem) {
			continue // a unit of another program's, most likely: those that are known are read by their own names
		}
		if err != nil {
			return Host{}, err
		}
		starts, unread := hostfile.Commands(u.exec, "etcd", hostfile.Scope{Env: u.env, Hostname: l.peekHostname()})
		switch {
		case len(starts) > 1 || len(starts) == 1 && inContainer(u.exec):
			return Host{}, &Problem{File: u.file, Line: u.exec[0].Line, Message: "it starts etcd in a way that cannot be read here: " + Clip(u.exec[0].Text)}
		case len(starts) == 1:
			found, commands = append(found, u), append(commands, starts[0])
		case u.name == "etcd" && len(unread) > 0:
			return Host{}, &Problem{File: u.file, Line: u.exec[0].Line, Message: "it starts etcd by what cannot be read here: " + strings.Join(unread, "; ")}
		}
	}
	switch {
	case len(found) == 0:
		return Host{}, errElsewhere
	case len(found) > 1:
		return Host{}, &understood{&Problem{File: found[0].file, Message: fmt.Sprintf("%s runs etcd as well", found[1].file), Advice: "name the one that is meant with --endpoint, --ca-file, --cert-file and --key-file"}}
	}
	return l.unitMember(found[0], commands[0])
}

// unitNames are the administrator's own units, and etcd's. A link to a unit of another name is its alias, and no unit.
func (l *look) unitNames() ([]string, error) {
	files, err := fs.Glob(l.root, inside(unitFolders[0])+"/*.service")
	if err != nil {
		return nil, err
	}
	names := []string{"etcd"}
	for _, file := range files {
		if to, err := fs.ReadLink(l.root, file); err == nil && path.Base(to) != path.Base(file) {
			continue
		}
		names = append(names, strings.TrimSuffix(path.Base(file), ".service"))
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// containers are programs whose paths and addresses are not those of the host.
var containers = []string{"docker", "podman", "nerdctl", "ctr", "crictl", "rkt", "systemd-nspawn"}

func inContainer(words []hostfile.Word) bool {
	return slices.ContainsFunc(words, func(w hostfile.Word) bool { return slices.Contains(containers, path.Base(w.Text)) })
}

// unitMember is the etcd of a unit.
func (l *look) unitMember(u service, c hostfile.Command) (Host, error) {
	s := c.Settings(u.file, "ETCD_")
	own := strings.HasPrefix(u.file, unitFolders[0]+"/")
	for _, file := range u.fromFiles {
		if file == "/etc/etcd.env" || !own && (file == "/etc/default/etcd" || file == "/etc/etcd/etcd.conf") {
			return Host{}, errElsewhere // kubespray's, or the package's: these are known better
		}
	}
	l.note(u.file)
	for _, file := range u.fromFiles {
		l.note(file)
	}
	s, err := l.configFile(s, asIs)
	if err != nil {
		return Host{}, err
	}
	h, err := l.member(Unit, s, asIs)
	if err != nil || !h.Secure() {
		return h, err
	}
	if err := s.Known("trusted-ca-file"); err != nil {
		return h, err
	}
	ca, err := absolute(s, "trusted-ca-file")
	if err != nil {
		return h, err
	}
	return h, l.packageCertificates(&h, s, ca, u.env)
}

// peek reads a file without noting that it was seen.
func (l *look) peek(name string) ([]byte, error) {
	seen := l.seen
	text, err := l.read(name)
	l.seen = seen
	return text, err
}

// peekHostname is hostname, without noting the file.
func (l *look) peekHostname() string {
	seen := l.seen
	name := l.hostname()
	l.seen = seen
	return name
}
