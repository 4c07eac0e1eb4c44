package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/fault"
)

// confinement is a folder in which the agent can keep nothing, whatever its rights are.
type confinement struct {
	// option of the unit that hides the folder from the agent; "": it is seen, and yet no place for backups.
	option string
	folder string
	why    string
}

// confinements are held to systemd/etcdward.service by a test.
var confinements = []confinement{
	{"ProtectHome", "/home", ""}, {"ProtectHome", "/root", ""}, {"ProtectHome", "/run/user", ""}, {"ProtectHome", "/var/run/user", ""},
	{"PrivateTmp", "/tmp", ""}, {"PrivateTmp", "/var/tmp", ""},
	{"PrivateDevices", "/dev", ""},
	{"", "/proc", "it holds no files"},
	{"", "/sys", "it holds no files"},
	{"", "/run", "it is memory, and empty after a boot"},
	{"", "/var/run", "it is memory, and empty after a boot"},
	{"", "/var/lib/etcdward", "that is the agent's own folder: backups there would share its disk, and go with it when the package is purged"},
}

// confined gives the confinement that a path of the host is under, also by way of a link.
func (s *setup) confined(path string) (confinement, bool) {
	real := s.realPath(path)
	for _, c := range confinements {
		if s.files.service.beside.lifted[c.option] {
			continue
		}
		if within(path, c.folder) || within(real, s.realPath(c.folder)) {
			return c, true
		}
	}
	return confinement{}, false
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// realPath follows the links as far as there is something. In a --root they are taken as they stand.
func (s *setup) realPath(path string) string {
	if s.root != "/" {
		return path
	}
	for there, rest := path, ""; there != "/"; there, rest = filepath.Dir(there), filepath.Join(filepath.Base(there), rest) {
		if real, err := filepath.EvalSymlinks(there); err == nil {
			return filepath.Join(real, rest)
		}
	}
	return path
}

// fitForAgent refuses a configuration with which the agent, as its unit confines it, could not work though all else is right.
func (s *setup) fitForAgent(cfg *config.Config) error {
	for _, store := range cfg.Stores {
		if store.Directory == nil {
			continue
		}
		path := store.Directory.Path
		if err := fitForUnit(path); err != nil {
			return fault.Config(fmt.Errorf("store %s: %w", store.Name, err))
		}
		c, is := s.confined(path)
		if !is {
			continue
		}
		why := c.why
		if c.option != "" {
			why = c.option + "= hides " + c.folder + " from the agent"
		}
		return fault.WithHint(fault.Config(fmt.Errorf("store %s: %s cannot keep backups: %s", store.Name, path, why)),
			"mount it elsewhere, for instance below /mnt or /srv, and name that")
	}
	return s.plainFilesFit(cfg)
}
