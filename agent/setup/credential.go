package setup

import (
	"errors"
	"fmt"
	"strings"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/unit"
)

// wantedCredentials are the files for etcd's credentials, and for those that the request names.
func (s *setup) wantedCredentials(cfg *config.Config) (map[string]string, error) {
	wanted := s.etcdCredentials(cfg)
	for _, text := range s.Credentials {
		name, path, ok := strings.Cut(text, "=")
		if !ok || name == "" || path == "" {
			return nil, fault.Usage(errors.New("flag --credential: give NAME=PATH"))
		}
		if err := s.current.service.Accept(cfg, name, path); err != nil {
			return nil, err
		}
		wanted[name] = path
	}
	return wanted, nil
}

// etcdCredentials are the files that let a client into etcd. Those that were set up before stay if all of them are still there and the
// request names none: a run without flags takes back nothing that flags once said.
func (s *setup) etcdCredentials(cfg *config.Config) map[string]string {
	wanted := map[string]string{}
	keep := s.CAFile+s.CertFile+s.KeyFile == ""
	for _, c := range []struct {
		file config.File
		path string
	}{{cfg.Cluster.CAFile, s.etcd.CAFile}, {cfg.Cluster.CertFile, s.etcd.CertFile}, {cfg.Cluster.KeyFile, s.etcd.KeyFile}} {
		name, is := c.file.Credential()
		if !is || c.path == "" {
			continue
		}
		wanted[name] = c.path
		before := s.current.service.Before(name)
		keep = keep && before != ""
		if keep {
			_, err := s.host.Stat(before)
			keep = err == nil
		}
	}
	if keep {
		for name := range wanted {
			wanted[name] = s.current.service.Before(name)
		}
	}
	return wanted
}

// checkHanded refuses a plan for which systemd lacks files that it has to hand over, before anything is tried with them.
func (s *setup) checkHanded(p plan) error {
	lacks := unit.Lacking(s.host, p.handed)
	if len(lacks) == 0 {
		return nil
	}
	if s.NoCheck && !s.starts() {
		s.report(Noted{strings.Join(lacks, "; ") + ": the agent does not start before systemd can hand it over"})
		return nil
	}
	return fault.WithHint(fmt.Errorf("hand credentials to the agent, which does not start without them: %s; nothing was written", strings.Join(lacks, "; ")),
		"put the file there; or name another: --ca-file, --cert-file and --key-file for etcd, --credential NAME=PATH for the rest")
}

// errUntried means that something cannot be tried from here, which is no fault of it.
var errUntried = errors.New("not tried")

// fileIn returns where a file of a configuration is for this process, given the files behind its credentials. The error is errUntried
// if it is no plain file.
func (s *setup) fileIn(sources map[string]string) func(config.File) (string, error) {
	return func(f config.File) (string, error) {
		path := string(f)
		if name, is := f.Credential(); is {
			if path = sources[name]; path == "" {
				return "", fmt.Errorf("%s comes from no plain file: %w", f, errUntried)
			}
		}
		if path == "" {
			return "", nil
		}
		return s.host.Path(path), nil
	}
}
