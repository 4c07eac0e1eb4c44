package discover

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"github.com/etcdward/etcdward/agent/hostfile"
)

// Problem is a file that was read and cannot be understood.
type Problem = hostfile.Problem

// Setting is that of hostfile.
type Setting = hostfile.Setting

// Settings are those of hostfile.
type Settings = hostfile.Settings

// Clip keeps a text of a message to one line.
func Clip(text string) string { return hostfile.Clip(text) }

// maxFile, in bytes, is far above every file that is read here.
const maxFile = 1 << 20

// exists reports whether there is something at an absolute path.
func (l *look) exists(name string) (bool, error) {
	_, err := fs.Stat(l.root, inside(name))
	if missing(err) {
		return false, nil
	}
	return err == nil, explain(name, err)
}

// explain names the file of the host.
func explain(name string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	if err != nil {
		err = fmt.Errorf("read %s: %w", name, err)
	}
	return err
}

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// read reads a file whole, and notes that it was seen. errElsewhere: there is none.
func (l *look) read(name string) ([]byte, error) {
	file, err := l.root.Open(inside(name))
	if missing(err) {
		return nil, errElsewhere
	}
	if err != nil {
		return nil, explain(name, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, explain(name, err)
	}
	if len(text) > maxFile {
		return nil, &Problem{File: name, Message: fmt.Sprintf("larger than %d bytes", maxFile)}
	}
	l.note(name)
	return text, nil
}

// all reports whether there is something at each of the paths; what is no absolute path is nowhere.
func (l *look) all(names ...string) (bool, error) {
	for _, name := range names {
		if !path.IsAbs(name) || !printable(name) {
			return false, nil
		}
		if is, err := l.exists(name); err != nil || !is {
			return false, err
		}
	}
	return true, nil
}

// pair is a client's certificate and its key. note says what there is to know when it is taken.
type pair struct{ cert, key, note string }

// firstPair gives the first pair of which both files are there; an empty one: there is none.
func (l *look) firstPair(pairs ...pair) (pair, error) {
	for _, p := range pairs {
		if is, err := l.all(p.cert, p.key); err != nil || is {
			return p, err
		}
	}
	return pair{}, nil
}

// letIn gives the host its CA and the first of the pairs; where the files are missing it says so.
func (l *look) letIn(h *Host, from Settings, ca, advice string, pairs ...pair) error {
	if is, err := l.all(ca); err != nil {
		return err
	} else if !is {
		return &Problem{File: from.File, Message: fmt.Sprintf("etcd's clients need the certificate of its CA, and %s is not there", named(ca)), Advice: advice}
	}
	chosen, err := l.firstPair(pairs...)
	if err != nil {
		return err
	}
	if chosen.cert == "" {
		var names []string
		for _, p := range pairs {
			if name := named(p.cert); p.cert != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			return &Problem{File: from.File, Message: "etcd asks its clients for a certificate, and no file names one", Advice: advice}
		}
		return &Problem{File: from.File, Message: "the certificate of a client of etcd with its key is not there: " + strings.Join(names, ", "), Advice: advice}
	}
	h.CAFile, h.CertFile, h.KeyFile = path.Clean(ca), path.Clean(chosen.cert), path.Clean(chosen.key)
	if chosen.note != "" {
		h.Notes = append(h.Notes, chosen.note)
	}
	return nil
}

// named is a path as a message shows it.
func named(file string) string {
	switch {
	case file == "":
		return "a file that nobody names"
	case !printable(file):
		return fmt.Sprintf("%q", Clip(file))
	}
	return path.Clean(file)
}

// printable reports that a text can stand in a message and in a unit: it has no control characters.
func printable(text string) bool { return !strings.ContainsFunc(text, unicode.IsControl) }

// envFile reads a file of NAME=value lines. errElsewhere: there is none.
func (l *look) envFile(file string) (map[string]Setting, error) {
	text, err := l.read(file)
	if err != nil {
		return nil, err
	}
	return hostfile.ParseEnv(file, text)
}

// etcdEnvironment are the settings of an etcd that has them from its environment: ETCD_DATA_DIR is --data-dir.
func etcdEnvironment(file string, env map[string]Setting) Settings {
	return Settings{File: file}.WithEnvironment("ETCD_", env)
}
