package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/fault"
)

// handedFile is a file of the host that systemd hands over to the agent as a credential.
type handedFile struct{ name, path string }

// handed are the files that setup's drop-in names, and those of the drop-ins beside it.
func (d *dropIn) handed(sources map[string]string, write []string) []handedFile {
	var files []handedFile
	for _, name := range write {
		files = append(files, handedFile{name, sources[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(d.beside.files)) {
		files = append(files, handedFile{name, d.beside.files[name]})
	}
	return files
}

// lacking says which of the files systemd cannot hand over. What this process may not look at is not judged.
func lacking(tree fs.FS, files []handedFile) []string {
	var lacks []string
	for _, f := range files {
		info, err := fs.Stat(tree, inTree(f.path))
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			lacks = append(lacks, fmt.Sprintf("%s is not there (credential %s)", f.path, f.name))
		case errors.Is(err, fs.ErrPermission):
		case err != nil:
			lacks = append(lacks, fmt.Sprintf("%s (credential %s): %v", f.path, f.name, err))
		case info.IsDir():
			lacks = append(lacks, fmt.Sprintf("%s is a folder (credential %s)", f.path, f.name))
		}
	}
	return lacks
}

// allThere sees that the agent would be given its secrets, before anything is tried with them.
func (s *setup) allThere(p plan) error {
	lacks := lacking(s.tree, p.handed)
	if len(lacks) == 0 {
		return nil
	}
	if s.noCheck && !s.starts() {
		note := strings.Join(lacks, "; ") + ": the agent does not start without"
		s.say("Note: %s.", note)
		s.outcome.Notes = append(s.outcome.Notes, note)
		return nil
	}
	return fault.WithHint(fmt.Errorf("hand credentials to the agent, which does not start without them: %s; nothing was written", strings.Join(lacks, "; ")),
		"put the file there; or name another: --ca-file, --cert-file and --key-file for etcd, --credential NAME=PATH for the rest")
}

// takes says whether a file that --credential names would be handed over.
func (d *dropIn) takes(cfg *config.Config, name, path string) error {
	var names []string
	for _, f := range cfg.Files() {
		if known, is := f.Credential(); is && !slices.Contains(names, known) {
			names = append(names, known)
		}
	}
	switch theirs, is := d.beside.sources[name]; {
	case len(names) == 0:
		return fault.Usage(fmt.Errorf("flag --credential: the configuration names no credential, and so not %s", name))
	case !slices.Contains(names, name):
		return fault.WithHint(fault.Usage(fmt.Errorf("flag --credential: the configuration names no credential:%s", name)), "it names "+strings.Join(names, ", "))
	case is && theirs != path:
		return fault.WithHint(fault.Usage(fmt.Errorf("flag --credential: a drop-in beside setup's names the file of %s already", name)),
			"change it there: systemctl cat "+serviceUnit)
	}
	return nil
}
