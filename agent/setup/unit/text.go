package unit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/config"
)

const head = "# etcdward setup wrote this file, and writes it anew when it is run again. What is yours goes into a file beside it.\n"

// ServiceText is the drop-in of the service; nil if it would say nothing and there is none.
func (d *DropIn) ServiceText(cfg *config.Config, sources map[string]string, write []string) []byte {
	var unit string
	var service strings.Builder
	for _, name := range write {
		fmt.Fprintf(&service, "LoadCredential=%s:%s\n", name, escaped(sources[name]))
	}
	for _, s := range cfg.Stores {
		if s.Directory == nil {
			continue
		}
		// After it, and no stronger bond: a share that is away must keep the agent neither from the other stores nor from its spool.
		unit = "After=remote-fs.target\n"
		fmt.Fprintf(&service, "ReadWritePaths=%s\n", word("-"+s.Directory.Path))
	}
	return d.sections([2]string{"Unit", unit}, [2]string{"Service", service.String()})
}

// WatchText is the drop-in of the unit that watches certificates and secrets. The files to watch replace those that the unit names.
func (d *DropIn) WatchText(watch []string) []byte {
	if d.others.watched {
		return d.Text
	}
	var lines strings.Builder
	for _, path := range watch {
		if lines.Len() == 0 {
			lines.WriteString("PathChanged=\n")
		}
		fmt.Fprintf(&lines, "PathChanged=%s\n", escaped(path))
	}
	return d.sections([2]string{"Path", lines.String()})
}

// RenewText is the drop-in of the unit that restarts the agent. It does not restart it while a file is missing without which the agent
// could not start: a healthy agent goes on with the copies that it has.
func (d *DropIn) RenewText(handed []Handed) []byte {
	var lines strings.Builder
	var seen []string
	for _, h := range handed {
		if !slices.Contains(seen, h.Path) {
			seen = append(seen, h.Path)
			fmt.Fprintf(&lines, "ConditionPathExists=%s\n", escaped(h.Path))
		}
	}
	return d.sections([2]string{"Unit", lines.String()})
}

func (d *DropIn) sections(sections ...[2]string) []byte {
	text := head
	for _, s := range sections {
		if s[1] != "" {
			text += "[" + s[0] + "]\n" + s[1]
		}
	}
	if text == head && d.Text == nil {
		return nil
	}
	return []byte(text)
}

// Watched returns the files that systemd or the agent read only at the start: etcd's certificate, its CA and its key, and the secrets
// of etcd and of the stores. Whichever is written last has all of them taken up.
func Watched(cfg *config.Config, sources map[string]string) []string {
	var files []string
	for _, f := range cfg.Files() {
		path := string(f.File)
		if name, is := f.Credential(); is {
			path = sources[name]
		}
		if path != "" && !slices.Contains(files, path) && CheckPath(path) == nil {
			files = append(files, path)
		}
	}
	return files
}
