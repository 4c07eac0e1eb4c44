package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/discover/amend"
	"github.com/etcdward/etcdward/agent/fault"
)

// plainPath is the path of a file that the agent opens itself; false where systemd hands it over, or there is none.
func plainPath(f config.File) (string, bool) {
	_, handed := f.Credential()
	return string(f), f != "" && !handed
}

// toHandOver has systemd hand over the files of etcd that the configuration names with their paths: what a flag names, and all of
// them where they are what was found here and the agent cannot read one.
func (s *setup) toHandOver(old *config.Config) []amend.Edit {
	if old == nil || s.foreign() {
		return nil
	}
	var all, named []amend.Edit
	found, unreadable := true, false
	for _, f := range []struct {
		key, credential string
		is              config.File
		found, flag     string
	}{
		{"ca_file", "etcd-ca", old.Cluster.CAFile, s.host.CAFile, s.caFile},
		{"cert_file", "etcd-cert", old.Cluster.CertFile, s.host.CertFile, s.certFile},
		{"key_file", "etcd-key", old.Cluster.KeyFile, s.host.KeyFile, s.keyFile},
	} {
		path, is := plainPath(f.is)
		if !is {
			continue
		}
		edit := amend.Edit{Path: "cluster." + f.key, Value: "credential:" + f.credential}
		all = append(all, edit)
		err := s.agentReads(path)
		if f.flag != "" && (f.flag != path || err != nil) {
			named = append(named, edit)
		}
		found, unreadable = found && path == f.found, unreadable || err != nil
	}
	if found && unreadable {
		return all
	}
	return named
}

// plainFilesFit refuses a configuration with a path that the agent cannot read itself.
func (s *setup) plainFilesFit(cfg *config.Config) error {
	for i, f := range cfg.Files() {
		path, is := plainPath(f.File)
		if !is {
			continue
		}
		err := s.agentReads(path)
		if err == nil {
			continue
		}
		hint := "write credential:NAME in its place, and repeat with --credential NAME=" + shellWord(path) + ": systemd then hands it over"
		if i < 3 { // those that let into etcd
			hint = "leave cluster.ca_file, cert_file and key_file out: setup then has systemd hand over what it finds, or what --ca-file, --cert-file and --key-file name"
		}
		return fault.WithHint(fmt.Errorf("the agent cannot read a file of the configuration: %w", err), hint)
	}
	return nil
}

// agentReads says whether the agent can read a file by its path, as the user that it is and within its unit.
func (s *setup) agentReads(file string) error {
	if c, is := s.confined(file); is && c.option != "" {
		return fmt.Errorf("%s: %s= hides %s from it", file, c.option, c.folder)
	}
	if u, is := s.daemonUser(); is {
		return asUser(u, func() error {
			open, err := os.Open(file)
			if err != nil {
				return err
			}
			return open.Close()
		})
	}
	return s.agent().reads(s.tree, file)
}

// identity is a user as rights are judged by. The zero value is root's, and fits nobody else.
type identity struct {
	uid  uint32
	gids []uint32
}

// agent is the user of the agent as the host's own files have it; of one that has none yet, nobody can have given it a file.
func (s *setup) agent() identity {
	const name = "etcdward"
	who := identity{}
	for _, fields := range s.records("etc/passwd") {
		if fields[0] == name && len(fields) > 3 {
			uid, _ := strconv.ParseUint(fields[2], 10, 32)
			gid, _ := strconv.ParseUint(fields[3], 10, 32)
			who = identity{uint32(uid), []uint32{uint32(gid)}}
		}
	}
	if who.uid == 0 {
		return identity{}
	}
	for _, fields := range s.records("etc/group") {
		if len(fields) > 3 && slices.Contains(strings.Split(fields[3], ","), name) {
			gid, _ := strconv.ParseUint(fields[2], 10, 32)
			who.gids = append(who.gids, uint32(gid))
		}
	}
	return who
}

// records are the lines of a file such as /etc/passwd; a file that cannot be read has none.
func (s *setup) records(name string) [][]string {
	text, _ := fs.ReadFile(s.tree, name)
	var records [][]string
	for line := range strings.Lines(string(text)) {
		records = append(records, strings.Split(strings.TrimSpace(line), ":"))
	}
	return records
}

// reads judges by mode and owner of the file and of every folder above it.
func (who identity) reads(tree fs.FS, file string) error {
	const read, search = 4, 1
	var names []string
	for name := inTree(file); name != "."; name = path.Dir(name) {
		names = append(names, name)
	}
	for _, name := range slices.Backward(names) {
		info, err := fs.Stat(tree, name)
		if errors.Is(err, fs.ErrPermission) {
			return nil // this process cannot tell
		}
		if err != nil {
			return err
		}
		need := fs.FileMode(read)
		if info.IsDir() {
			need = search
		}
		if !who.may(info, need) {
			return &fs.PathError{Op: "open", Path: file, Err: fmt.Errorf("/%s is %s: %w", name, info.Mode(), fs.ErrPermission)}
		}
	}
	return nil
}

func (who identity) may(info fs.FileInfo, need fs.FileMode) bool {
	mode := info.Mode().Perm()
	if owner, known := info.Sys().(*syscall.Stat_t); known && who.uid != 0 {
		switch {
		case owner.Uid == who.uid:
			return mode>>6&need != 0
		case slices.Contains(who.gids, owner.Gid):
			return mode>>3&need != 0
		}
	}
	return mode&need != 0
}
