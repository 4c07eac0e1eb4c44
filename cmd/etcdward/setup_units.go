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
)

const dropInHead = "# etcdward setup wrote this file, and writes it anew when it is run again. What is yours goes into a file beside it.\n"

// dropIn is the drop-in that setup keeps for a unit, and what others beside it say.
type dropIn struct {
	path string
	text []byte // nil: there is none
	// own and others are the files behind LoadCredential=, by name: of setup's drop-in, and of those beside it. A path may be ""
	// where a credential comes from no plain file.
	own, others map[string]string
	// watched says that a drop-in beside it names paths to watch.
	watched bool
}

// readDropIn reads the drop-ins in a folder, of which there may be none.
func readDropIn(folder string) (dropIn, error) {
	d := dropIn{path: filepath.Join(folder, "setup.conf"), own: map[string]string{}, others: map[string]string{}}
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".conf" {
			continue
		}
		if e.Name() == "setup.conf" {
			if d.text, err = readIfAny(d.path); err != nil {
				return d, err
			}
			d.read(d.text, d.own)
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return d, err
		}
		d.watched = d.read(text, d.others) || d.watched
	}
	return d, nil
}

// read notes the credentials of a drop-in, and says whether it names paths to watch.
func (d *dropIn) read(text []byte, into map[string]string) (watches bool) {
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		name, path, _ := strings.Cut(value, ":")
		switch {
		case value == "":
		case key == "LoadCredential":
			into[name] = strings.ReplaceAll(path, "%%", "%")
		case key == "LoadCredentialEncrypted", key == "SetCredential", key == "SetCredentialEncrypted":
			into[name] = ""
		case key == "PathChanged", key == "PathModified":
			watches = true
		}
	}
	return watches
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

// credentialFiles are the files of the configuration that hold secrets, or let into etcd.
func credentialFiles(cfg *config.Config) []config.File {
	files := []config.File{cfg.Cluster.CAFile, cfg.Cluster.CertFile, cfg.Cluster.KeyFile, cfg.Cluster.PasswordFile}
	for _, s := range cfg.Stores {
		if s.S3 != nil {
			files = append(files, s.S3.CredentialsFile)
		}
		if s.GCS != nil {
			files = append(files, s.GCS.CredentialsFile)
		}
	}
	return files
}

// resolve finds the file behind every credential of the configuration: as wanted now, as before, or as a drop-in beside says.
func (d *dropIn) resolve(cfg *config.Config, wanted map[string]string) (sources map[string]string, write []string, err error) {
	sources = map[string]string{}
	var missing []string
	for _, f := range credentialFiles(cfg) {
		name, is := f.Credential()
		if _, known := sources[name]; !is || known {
			continue
		}
		if path, theirs := d.others[name]; theirs {
			sources[name] = path
			continue
		}
		sources[name] = wanted[name]
		if sources[name] == "" {
			sources[name] = d.own[name]
		}
		if sources[name] == "" {
			missing = append(missing, name)
			continue
		}
		if err := fitForUnit(sources[name]); err != nil {
			return nil, nil, &usageError{fmt.Errorf("credential %s: %w", name, err)}
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
func (d *dropIn) serviceText(cfg *config.Config, sources map[string]string, write []string) ([]byte, error) {
	var unit string
	var service strings.Builder
	for _, name := range write {
		fmt.Fprintf(&service, "LoadCredential=%s:%s\n", name, unitPath(sources[name]))
	}
	for _, s := range cfg.Stores {
		if s.Directory == nil {
			continue
		}
		if err := fitForUnit(s.Directory.Path); err != nil {
			return nil, &configError{fmt.Errorf("store %s: %w", s.Name, err)}
		}
		// After it and no more: a share that is away must not keep the agent from the other stores, nor from its spool.
		unit = "After=remote-fs.target\n"
		fmt.Fprintf(&service, "ReadWritePaths=%s\n", unitWord("-"+s.Directory.Path))
	}
	return d.sections([2]string{"Unit", unit}, [2]string{"Service", service.String()}), nil
}

// certsText is the drop-in of the unit that watches the certificates: the files to watch replace those that the unit has.
func (d *dropIn) certsText(watch []string) []byte {
	if d.watched {
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

// watchedFiles are those of etcd's certificate and of its authority.
func watchedFiles(cfg *config.Config, sources map[string]string) []string {
	var files []string
	for _, f := range []config.File{cfg.Cluster.CertFile, cfg.Cluster.CAFile} {
		path := string(f)
		if name, is := f.Credential(); is {
			path = sources[name]
		}
		if path != "" && !slices.Contains(files, path) && fitForUnit(path) == nil {
			files = append(files, path)
		}
	}
	return files
}
