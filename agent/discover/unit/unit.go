// Package unit reads what a service of systemd starts, and with which environment: its unit, the drop-ins, the environment files. It does not know
// what the program does with it, nor whether it runs.
//
// Its one invariant: what systemd would take from the files is taken, in the order in which it counts.
package unit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/etcdward/etcdward/agent/hostfile"
)

// folders are where systemd looks for units, the first that has one counts.
var folders = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// Service is what a unit of systemd starts.
type Service struct {
	// Name without its ending. File says what it starts: the unit, or a drop-in.
	Name, File string
	// Exec is its command line, with the environment put in.
	Exec []hostfile.Word
	// Env is its environment; EnvFiles are the files that it was read from.
	Env      map[string]hostfile.Setting
	EnvFiles []string
}

// Read reads a unit with its drop-ins and its environment files. hostname is the host's. The error wraps fs.ErrNotExist if there is no such unit; a
// *hostfile.Problem is an environment file that cannot be understood.
func Read(root fs.FS, name, hostname string) (Service, error) {
	u := Service{Name: name, Env: map[string]hostfile.Setting{}}
	var directives []hostfile.Directive
	for _, folder := range folders {
		file := folder + "/" + name + ".service"
		if to, err := fs.ReadLink(root, inside(file)); err == nil && to == "/dev/null" {
			u.File = file
			return u, nil // it is masked, and starts nothing
		}
		text, err := read(root, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return u, err
		}
		u.File, directives = file, hostfile.ParseUnit(file, text)
		break
	}
	if u.File == "" {
		return u, fmt.Errorf("unit %s: %w", name, fs.ErrNotExist)
	}
	for _, folder := range slices.Backward(folders) {
		names, err := fs.Glob(root, inside(folder)+"/"+name+".service.d/*.conf")
		if err != nil {
			return u, err
		}
		slices.Sort(names)
		for _, dropIn := range names {
			text, err := read(root, "/"+dropIn)
			if err != nil {
				return u, err
			}
			directives = append(directives, hostfile.ParseUnit("/"+dropIn, text)...)
		}
	}
	err := u.fill(root, directives, hostname)
	return u, err
}

// fill takes what the directives say, the later more than the earlier.
func (u *Service) fill(root fs.FS, directives []hostfile.Directive, hostname string) error {
	prefix, _, _ := strings.Cut(u.Name, "@")
	short, _, _ := strings.Cut(hostname, ".")
	specifiers := strings.NewReplacer("%%", "%", "%H", hostname, "%l", short, "%n", u.Name+".service", "%N", u.Name, "%p", prefix, "%i", "", "%I", "")
	var exec hostfile.Directive
	var files []string
	for _, d := range directives {
		if d.Section != "Service" {
			continue
		}
		switch d.Name {
		case "ExecStart":
			exec = d
		case "Environment":
			if d.Value == "" {
				clear(u.Env)
			}
			for _, w := range d.Words() {
				if name, value, is := strings.Cut(specifiers.Replace(w.Text), "="); is {
					u.Env[name] = hostfile.Setting{Name: name, Value: value, Line: w.Line}
				}
			}
		case "EnvironmentFile":
			if files = append(files, specifiers.Replace(strings.TrimPrefix(d.Value, "-"))); d.Value == "" {
				files = nil
			}
		}
	}
	if err := u.environment(root, files); err != nil {
		return err
	}
	exec.Value = strings.TrimLeft(exec.Value, "-@:+!")
	u.Exec = hostfile.Expand(exec.Words(), u.Env, specifiers)
	if exec.File != "" {
		u.File = exec.File
	}
	return nil
}

// environment reads the environment files, which count more than Environment=.
func (u *Service) environment(root fs.FS, patterns []string) error {
	for _, pattern := range patterns {
		names, err := fs.Glob(root, inside(pattern))
		if err != nil {
			names = nil // systemd passes over a pattern that is none
		}
		for _, name := range names {
			text, err := read(root, "/"+name)
			if err != nil {
				return err
			}
			env, err := hostfile.ParseEnv("/"+name, text)
			if err != nil {
				return err
			}
			maps.Copy(u.Env, env)
			u.EnvFiles = append(u.EnvFiles, "/"+name)
		}
	}
	return nil
}

// Names are the administrator's own units, and etcd's. A link to a unit of another name is its alias, and no unit.
func Names(root fs.FS) ([]string, error) {
	files, err := fs.Glob(root, inside(folders[0])+"/*.service")
	if err != nil {
		return nil, err
	}
	names := []string{"etcd"}
	for _, file := range files {
		if to, err := fs.ReadLink(root, file); err == nil && path.Base(to) != path.Base(file) {
			continue
		}
		names = append(names, strings.TrimSuffix(path.Base(file), ".service"))
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// OfAdministrator reports whether a unit was written on this host, and is no package's.
func (u Service) OfAdministrator() bool { return strings.HasPrefix(u.File, folders[0]+"/") }

// maxFile, in bytes, is far above every file that is read here.
const maxFile = 1 << 20

func read(root fs.FS, name string) ([]byte, error) {
	file, err := root.Open(inside(name))
	if errors.Is(err, syscall.ENOTDIR) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		return nil, &hostfile.Problem{File: name, Message: fmt.Sprintf("larger than %d bytes", maxFile)}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return text, nil
}

// inside is an absolute path as io/fs wants it.
func inside(name string) string {
	if name = strings.TrimPrefix(path.Clean(name), "/"); name == "" {
		return "."
	}
	return name
}
