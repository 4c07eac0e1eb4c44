package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/fault"
)

// plan is what setup makes of this host.
type plan struct {
	cfg *config.Config
	// sources are the files behind the credentials that cfg names; "": from no plain file.
	sources map[string]string
	// handed are the files that systemd hands over, and without which the agent does not start.
	handed []handedFile
	// files in the order in which they are written: the configuration last, as nothing works without the others.
	files    []setupFile
	renamed  bool // the cluster has another name than before
	watching bool // there are certificates to watch
	amends   bool // a configuration was there: the flags of this run do not say all of it
}

// setupFile is one file before and after. A nil text is no file.
type setupFile struct {
	path          string
	before, after []byte
}

func (f setupFile) differs() bool { return !bytes.Equal(f.before, f.after) }

func (p plan) differs() bool {
	return slices.ContainsFunc(p.files, setupFile.differs)
}

// unitsDiffer says whether systemd has to read units anew.
func (p plan) unitsDiffer() bool {
	return slices.ContainsFunc(p.files[:len(p.files)-1], setupFile.differs)
}

// plan decides what is written, and checks it. Nothing is written yet, nor asked of anybody.
func (s *setup) plan() (plan, error) {
	old := s.files.config
	after, sources, err := newConfig(old.text, old.parsed, s.host, s.setupRequest, s.toHandOver(old.parsed)...)
	if err != nil {
		return plan{}, err
	}
	p := plan{amends: old.parsed != nil}
	if p.cfg, err = config.Parse(old.path, after); err != nil {
		return plan{}, fault.Usage(fmt.Errorf("this would not be a configuration: %w", err)) // what was there is one
	}
	wanted, err := s.wantedCredentials(p.cfg)
	if err != nil {
		return plan{}, err
	}
	maps.Copy(wanted, sources)
	var write []string
	if p.sources, write, err = s.files.service.resolve(p.cfg, wanted); err != nil {
		return plan{}, err
	}
	p.handed = s.files.service.handed(p.sources, write)
	p.renamed = old.parsed != nil && old.parsed.Cluster.Name != p.cfg.Cluster.Name
	config := setupFile{old.path, old.text, after}
	if s.foreign() {
		p.files = []setupFile{config}
		return p, nil
	}
	if err := s.fitForAgent(p.cfg); err != nil {
		return plan{}, err
	}
	service := s.files.service.serviceText(p.cfg, p.sources, write)
	watch := watchedFiles(p.cfg, p.sources)
	p.watching = len(watch) > 0
	renew := s.files.renew.text
	if p.watching || renew != nil {
		renew = s.files.renew.renewText(p.handed)
	}
	p.files = []setupFile{
		{s.files.service.path, s.files.service.text, service},
		{s.files.watch.path, s.files.watch.text, s.files.watch.watchText(watch)},
		{s.files.renew.path, s.files.renew.text, renew},
		config,
	}
	return p, nil
}

// wantedCredentials are the files for the credentials of etcd, and for those that flags name. What was set up before and is still
// there stays, so that setup without flags takes nothing back that flags once said.
func (s *setup) wantedCredentials(cfg *config.Config) (map[string]string, error) {
	wanted, before := map[string]string{}, s.files.service.own.sources
	keep := s.caFile+s.certFile+s.keyFile == ""
	for _, c := range []struct {
		file config.File
		path string
	}{{cfg.Cluster.CAFile, s.host.CAFile}, {cfg.Cluster.CertFile, s.host.CertFile}, {cfg.Cluster.KeyFile, s.host.KeyFile}} {
		if name, is := c.file.Credential(); is && c.path != "" {
			wanted[name] = c.path
			keep = keep && before[name] != ""
			if keep {
				_, err := fs.Stat(s.tree, inTree(before[name]))
				keep = err == nil
			}
		}
	}
	if keep {
		for name := range wanted {
			wanted[name] = before[name]
		}
	}
	for _, text := range s.credentials {
		name, path, ok := strings.Cut(text, "=")
		if !ok || name == "" || path == "" {
			return nil, fault.Usage(errors.New("flag --credential: give NAME=PATH"))
		}
		if err := s.files.service.takes(cfg, name, path); err != nil {
			return nil, err
		}
		wanted[name] = path
	}
	return wanted, nil
}

// file is where a file of the configuration is for this process; an error where there is no plain file.
func (s *setup) file(f config.File, sources map[string]string) (string, error) {
	path := string(f)
	if name, is := f.Credential(); is {
		if path = sources[name]; path == "" {
			return "", fmt.Errorf("%s comes from no plain file: %w", f, errUntried)
		}
	}
	if path == "" {
		return "", nil
	}
	return s.at(path), nil
}

// errUntried means that something cannot be tried from here, which says nothing against it.
var errUntried = errors.New("not tried")
