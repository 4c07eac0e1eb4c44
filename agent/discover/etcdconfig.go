package discover

import (
	"errors"
	"path"

	"github.com/etcdward/etcdward/agent/hostfile"
)

// parseConfig reads etcd's own configuration file, in YAML. The error is a *[Problem].
func parseConfig(file string, text []byte) (Settings, error) {
	s := Settings{File: file, Of: map[string]Setting{}}
	root, _, err := hostfile.ParseYAML(file, text)
	if err != nil {
		return s, err
	}
	if root.Absent() {
		return s, &Problem{File: file, Message: "it is empty"}
	}
	if !root.IsMapping() {
		return s, root.Problem("it is no configuration of etcd: not a mapping")
	}
	for _, section := range []hostfile.Node{root, root.Field("client-transport-security")} {
		for _, e := range section.Entries() {
			if e.Value.IsScalar() && e.Value.Text() != "" {
				s.Of[e.Key] = Setting{Name: e.Key, Value: e.Value.Text(), Line: e.Value.Line()}
			}
		}
	}
	return s, nil
}

// configFile is what counts where an etcd was told of a configuration file: that alone.
func (l *look) configFile(s Settings, hostPath func(string) string) (Settings, error) {
	name := s.Get("config-file")
	if name == "" {
		return s, nil
	}
	if s.Of["config-file"].Unresolved {
		return s, s.Known("config-file")
	}
	if !path.IsAbs(name) {
		return s, s.Problem("config-file", "%q is no absolute path", Clip(name))
	}
	text, err := l.read(hostPath(name))
	if errors.Is(err, errElsewhere) {
		return s, s.Problem("config-file", "%s is not there", hostPath(name))
	}
	if err != nil {
		return s, err
	}
	unseen := s.Unseen
	s, err = parseConfig(hostPath(name), text)
	s.Unseen = unseen
	return s, err
}

// asIs is for settings whose paths are those of the host.
func asIs(name string) string { return name }
