package unit

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
	"github.com/etcdward/etcdward/agent/setup/hostfs"
)

// Handed is a file of the host that systemd hands over to the agent as a credential. Without it systemd does not start the agent.
type Handed struct{ Name, Path string }

// Before returns the file that setup's drop-in names for a credential; "": none.
func (d *DropIn) Before(name string) string { return d.own.sources[name] }

// noSource means that the configuration names credentials for which nothing names a file.
type noSource struct{ names []string }

func (e noSource) Error() string {
	return fmt.Sprintf("the configuration names credential:%s, and nothing says which file that is", strings.Join(e.names, ", credential:"))
}

// Hint implements fault.Hinter.
func (e noSource) Hint() string {
	return fmt.Sprintf("repeat with --credential %s=PATH; for etcd, --ca-file, --cert-file and --key-file", e.names[0])
}

// Resolve finds the file behind every credential of a configuration: the wanted one, the one of before, or the one that another drop-in
// names. sources are all of them, by name; "": it comes from no plain file. write are the names for setup's drop-in, in order.
func (d *DropIn) Resolve(cfg *config.Config, wanted map[string]string) (sources map[string]string, write []string, err error) {
	sources = map[string]string{}
	var missing []string
	for _, f := range cfg.Files() {
		name, is := f.Credential()
		if _, known := sources[name]; !is || known {
			continue
		}
		if path, theirs := d.others.sources[name]; theirs {
			sources[name] = path
			continue
		}
		sources[name] = wanted[name]
		if sources[name] == "" {
			sources[name] = d.own.sources[name]
		}
		if sources[name] == "" {
			missing = append(missing, name)
			continue
		}
		if err := CheckPath(sources[name]); err != nil {
			return nil, nil, fault.Usage(fmt.Errorf("credential %s: %w", name, err))
		}
		write = append(write, name)
	}
	if len(missing) > 0 {
		return nil, nil, noSource{missing}
	}
	return sources, write, nil
}

// Accept refuses a file for a credential, as --credential names it, that would not be handed over.
func (d *DropIn) Accept(cfg *config.Config, name, path string) error {
	var names []string
	for _, f := range cfg.Files() {
		if known, is := f.Credential(); is && !slices.Contains(names, known) {
			names = append(names, known)
		}
	}
	switch theirs, is := d.others.sources[name]; {
	case len(names) == 0:
		return fault.Usage(fmt.Errorf("flag --credential: the configuration names no credential, and so not %s", name))
	case !slices.Contains(names, name):
		return fault.WithHint(fault.Usage(fmt.Errorf("flag --credential: the configuration names no credential:%s", name)), "it names "+strings.Join(names, ", "))
	case is && theirs != path:
		return fault.WithHint(fault.Usage(fmt.Errorf("flag --credential: a drop-in beside setup's names the file of %s already", name)),
			"change it there: systemctl cat "+Service)
	}
	return nil
}

// Handed returns the files that setup's drop-in is to name, and those that other drop-ins name.
func (d *DropIn) Handed(sources map[string]string, write []string) []Handed {
	var files []Handed
	for _, name := range write {
		files = append(files, Handed{name, sources[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(d.others.files)) {
		files = append(files, Handed{name, d.others.files[name]})
	}
	return files
}

// Lacking reports which of the files systemd cannot hand over, and why. What this process may not look at is not judged.
func Lacking(host *hostfs.Host, files []Handed) []string {
	var lacks []string
	for _, f := range files {
		info, err := host.Stat(f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			lacks = append(lacks, fmt.Sprintf("%s is not there (credential %s)", f.Path, f.Name))
		case errors.Is(err, fs.ErrPermission):
		case err != nil:
			lacks = append(lacks, fmt.Sprintf("%s (credential %s): %v", f.Path, f.Name, err))
		case info.IsDir():
			lacks = append(lacks, fmt.Sprintf("%s is a folder (credential %s)", f.Path, f.Name))
		}
	}
	return lacks
}
