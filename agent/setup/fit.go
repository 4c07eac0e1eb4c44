package setup

import (
	"fmt"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/discover/amend"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/account"
	"github.com/etcdward/etcdward/agent/setup/unit"
)

// checkFit refuses a configuration with which the agent could not work, given its user and the limits that its unit sets it.
func (s *setup) checkFit(cfg *config.Config) error {
	for _, store := range cfg.Stores {
		if store.Directory == nil {
			continue
		}
		path := store.Directory.Path
		if err := unit.CheckPath(path); err != nil {
			return fault.Config(fmt.Errorf("store %s: %w", store.Name, err))
		}
		c, is := s.current.service.Confined(s.host, path)
		if !is {
			continue
		}
		why := c.Why
		if c.Option != "" {
			why = c.Option + "= hides " + c.Folder + " from the agent"
		}
		return fault.WithHint(fault.Config(fmt.Errorf("store %s: %s cannot keep backups: %s", store.Name, path, why)),
			"mount it elsewhere, for instance below /mnt or /srv, and name that")
	}
	return s.checkPlainFiles(cfg)
}

// plainPath is the path of a file that the agent opens itself; false if systemd hands it over, or if there is none.
func plainPath(f config.File) (string, bool) {
	_, handed := f.Credential()
	return string(f), f != "" && !handed
}

// checkPlainFiles refuses a configuration with a path that the agent cannot read itself.
func (s *setup) checkPlainFiles(cfg *config.Config) error {
	for i, f := range cfg.Files() {
		path, is := plainPath(f.File)
		if !is {
			continue
		}
		err := s.agentReads(path)
		if err == nil {
			continue
		}
		hint := "write credential:NAME in its place, and repeat with --credential NAME=" + ShellWord(path) + ": systemd then hands it over"
		if i < 3 { // those that let a client into etcd
			hint = "leave cluster.ca_file, cert_file and key_file out: setup then has systemd hand over what it finds, or what --ca-file, --cert-file and --key-file name"
		}
		return fault.WithHint(fmt.Errorf("the agent cannot read a file of the configuration: %w", err), hint)
	}
	return nil
}

// agentReads returns why the agent cannot read a file by its path, as the user that it is and within its unit; nil if it can.
func (s *setup) agentReads(file string) error {
	if c, is := s.current.service.Confined(s.host, file); is && c.Option != "" {
		return fmt.Errorf("%s: %s= hides %s from it", file, c.Option, c.Folder)
	}
	return account.Reads(s.host, file)
}

// handOver returns the edits that have systemd hand over those of etcd's files that the configuration names by their paths. These are
// the files for which the request names others. They are all of them if they are what was found here and the agent cannot read one.
func (s *setup) handOver() []amend.Edit {
	old := s.current.config
	if old == nil || s.foreign() {
		return nil
	}
	var all, named []amend.Edit
	found, unreadable := true, false
	for _, f := range []struct {
		key, credential string
		is              config.File
		found, given    string
	}{
		{"ca_file", "etcd-ca", old.Cluster.CAFile, s.etcd.CAFile, s.CAFile},
		{"cert_file", "etcd-cert", old.Cluster.CertFile, s.etcd.CertFile, s.CertFile},
		{"key_file", "etcd-key", old.Cluster.KeyFile, s.etcd.KeyFile, s.KeyFile},
	} {
		path, is := plainPath(f.is)
		if !is {
			continue
		}
		edit := amend.Edit{Path: "cluster." + f.key, Value: "credential:" + f.credential}
		all = append(all, edit)
		err := s.agentReads(path)
		if f.given != "" && (f.given != path || err != nil) {
			named = append(named, edit)
		}
		found, unreadable = found && path == f.found, unreadable || err != nil
	}
	if found && unreadable {
		return all
	}
	return named
}
