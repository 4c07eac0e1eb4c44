package discover

import (
	"errors"
	"path"

	"go.yaml.in/yaml/v4"
)

// parseConfig reads etcd's own configuration file, in YAML. The error is a *[Problem].
func parseConfig(file string, text []byte) (Settings, error) {
	s := Settings{File: file, Of: map[string]Setting{}}
	root, err := parseYAML(file, text)
	if err != nil {
		return s, err
	}
	if root.Kind != yaml.MappingNode {
		return s, root.problem("it is no configuration of etcd: not a mapping")
	}
	for _, section := range []node{root, root.field("client-transport-security")} {
		if section.absent() || section.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(section.Content); i += 2 {
			if key, value := section.Content[i], section.Content[i+1]; value.Kind == yaml.ScalarNode && value.Tag != "!!null" {
				s.Of[key.Value] = Setting{Name: key.Value, Value: value.Value, Line: value.Line}
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
	if !path.IsAbs(name) {
		return s, s.problem("config-file", "%q is no absolute path", clip(name))
	}
	text, err := l.read(hostPath(name))
	if errors.Is(err, errElsewhere) {
		return s, s.problem("config-file", "%s is not there", hostPath(name))
	}
	if err != nil {
		return s, err
	}
	return parseConfig(hostPath(name), text)
}

// asIs is for settings whose paths are those of the host.
func asIs(name string) string { return name }
