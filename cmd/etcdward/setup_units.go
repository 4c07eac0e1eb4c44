package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/fault"
)

const dropInHead = "# etcdward setup wrote this file, and writes it anew when it is run again. What is yours goes into a file beside it.\n"

// dropIn is the drop-in that setup keeps for a unit, and what others beside it say.
type dropIn struct {
	path        string
	text        []byte // nil: there is none
	own, beside sayings
}

// sayings are what drop-ins say.
type sayings struct {
	// sources are the files behind LoadCredential=, by name; "": the credential comes from no plain file.
	sources map[string]string
	// files are all that systemd hands over, by name: those, and encrypted ones.
	files map[string]string
	// watched says that there are paths to watch.
	watched bool
	// lifted are the confinements, such as ProtectHome, that do not hold.
	lifted map[string]bool
}

func newSayings() sayings {
	return sayings{sources: map[string]string{}, files: map[string]string{}, lifted: map[string]bool{}}
}

// readDropIn reads the drop-ins in a folder of the host, of which there may be none.
func (s *setup) readDropIn(folder string) (dropIn, error) {
	d := dropIn{path: s.at(folder + "/setup.conf"), own: newSayings(), beside: newSayings()}
	var err error
	if d.text, err = readIfAny(s.root, d.path); err != nil {
		return d, err
	}
	d.own.read(d.text)
	entries, err := fs.ReadDir(s.tree, inTree(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	for _, e := range entries {
		name := inTree(folder + "/" + e.Name())
		if filepath.Ext(name) != ".conf" || e.Name() == "setup.conf" {
			continue
		}
		// A link to /dev/null takes a drop-in of the same name away.
		if link, err := fs.ReadLink(s.tree, name); err == nil && link == os.DevNull {
			continue
		}
		text, err := fs.ReadFile(s.tree, name)
		if err != nil {
			return d, err
		}
		d.beside.read(text)
	}
	return d, nil
}

// read notes what a drop-in says.
func (o *sayings) read(text []byte) {
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		name, path, _ := strings.Cut(value, ":")
		path = strings.ReplaceAll(path, "%%", "%")
		switch {
		case value == "":
		case key == "LoadCredential", key == "LoadCredentialEncrypted":
			o.sources[name] = ""
			if key == "LoadCredential" {
				o.sources[name] = path
			}
			// Without an absolute path it is a credential that systemd itself was given.
			if fitForUnit(path) == nil {
				o.files[name] = path
			}
		case key == "SetCredential", key == "SetCredentialEncrypted":
			o.sources[name] = ""
		case key == "PathChanged", key == "PathModified":
			o.watched = true
		case key == "ProtectHome", key == "PrivateTmp":
			o.lifted[key] = slices.Contains([]string{"no", "false", "off", "0"}, strings.ToLower(value))
		}
	}
}

// sourceless are credentials that the configuration names, and nobody else.
type sourceless struct{ names []string }

func (e sourceless) Error() string {
	return fmt.Sprintf("the configuration names credential:%s, and nothing says which file that is", strings.Join(e.names, ", credential:"))
}

// Hint implements hinter.
func (e sourceless) Hint() string {
	return fmt.Sprintf("repeat with --credential %s=PATH; for etcd, --ca-file, --cert-file and --key-file", e.names[0])
}

// resolve finds the file behind every credential of the configuration: as wanted now, as before, or as a drop-in beside says.
func (d *dropIn) resolve(cfg *config.Config, wanted map[string]string) (sources map[string]string, write []string, err error) {
	sources = map[string]string{}
	var missing []string
	for _, f := range cfg.Files() {
		name, is := f.Credential()
		if _, known := sources[name]; !is || known {
			continue
		}
		if path, theirs := d.beside.sources[name]; theirs {
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
		if err := fitForUnit(sources[name]); err != nil {
			return nil, nil, fault.Usage(fmt.Errorf("credential %s: %w", name, err))
		}
		write = append(write, name)
	}
	if len(missing) > 0 {
		return nil, nil, sourceless{missing}
	}
	return sources, write, nil
}

// fitForUnit refuses a path that systemd would read as something else.
func fitForUnit(path string) error {
	switch {
	case !filepath.IsAbs(path) || filepath.Clean(path) != path:
		return fmt.Errorf("%q is no absolute, clean path", path)
	case strings.ContainsAny(path, `"'\`) || strings.ContainsFunc(path, unicode.IsControl) || strings.TrimSpace(path) != path:
		return fmt.Errorf("%q: a unit takes no quotes, backslashes and control characters, nor spaces at an end", path)
	}
	return nil
}

// unitPath has the mark of systemd's specifiers doubled, so that it begins none.
func unitPath(path string) string { return strings.ReplaceAll(path, "%", "%%") }

// unitWord is a path where several may stand in a line.
func unitWord(path string) string {
	if strings.ContainsFunc(path, unicode.IsSpace) {
		return `"` + unitPath(path) + `"`
	}
	return unitPath(path)
}

// serviceText is the drop-in of the service; nil where there is nothing to say and nothing is there.
func (d *dropIn) serviceText(cfg *config.Config, sources map[string]string, write []string) []byte {
	var unit string
	var service strings.Builder
	for _, name := range write {
		fmt.Fprintf(&service, "LoadCredential=%s:%s\n", name, unitPath(sources[name]))
	}
	for _, s := range cfg.Stores {
		if s.Directory == nil {
			continue
		}
		// After it and no more: a share that is away must not keep the agent from the other stores, nor from its spool.
		unit = "After=remote-fs.target\n"
		fmt.Fprintf(&service, "ReadWritePaths=%s\n", unitWord("-"+s.Directory.Path))
	}
	return d.sections([2]string{"Unit", unit}, [2]string{"Service", service.String()})
}

// watchText is the drop-in of the unit that watches the certificates and secrets: the files to watch replace those that the unit has.
func (d *dropIn) watchText(watch []string) []byte {
	if d.beside.watched {
		return d.text
	}
	var lines strings.Builder
	for _, path := range watch {
		if lines.Len() == 0 {
			lines.WriteString("PathChanged=\n")
		}
		fmt.Fprintf(&lines, "PathChanged=%s\n", unitPath(path))
	}
	return d.sections([2]string{"Path", lines.String()})
}

// renewText is the drop-in of the unit that has the agent start anew: it does not while a file is missing without which the agent
// could not start. A healthy one goes on with the copies that it has.
func (d *dropIn) renewText(handed []handedFile) []byte {
	var lines strings.Builder
	var seen []string
	for _, h := range handed {
		if !slices.Contains(seen, h.path) {
			seen = append(seen, h.path)
			fmt.Fprintf(&lines, "ConditionPathExists=%s\n", unitPath(h.path))
		}
	}
	return d.sections([2]string{"Unit", lines.String()})
}

func (d *dropIn) sections(sections ...[2]string) []byte {
	text := dropInHead
	for _, s := range sections {
		if s[1] != "" {
			text += "[" + s[0] + "]\n" + s[1]
		}
	}
	if text == dropInHead && d.text == nil {
		return nil
	}
	return []byte(text)
}

// watchedFiles are those that systemd or the daemon read once, at the start: etcd's certificate, its authority and its key, of which
// whichever is written last has all three taken up, and the secrets of etcd and of the stores.
func watchedFiles(cfg *config.Config, sources map[string]string) []string {
	var files []string
	for _, f := range cfg.Files() {
		path := string(f.File)
		if name, is := f.Credential(); is {
			path = sources[name]
		}
		if path != "" && !slices.Contains(files, path) && fitForUnit(path) == nil {
			files = append(files, path)
		}
	}
	return files
}
