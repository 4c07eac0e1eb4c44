// Package staticpod reads what the static pods of a host run, and what each program in them was told. It knows neither which programs matter
// nor whether any of it runs.
//
// Its one invariant: what a program was told is either known or said to be unknown, with its place; it is never taken for not given.
package staticpod

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/etcdward/etcdward/agent/hostfile"
)

// maxFile, in bytes, is far above every manifest that is written.
const maxFile = 1 << 20

// Manifest is one file in the kubelet's folder.
type Manifest struct {
	// Name in the folder; File is the whole path.
	Name, File string
	// Problem is why it is no pod to anybody; nil: it is one. It wraps a *hostfile.Problem.
	Problem error
	// More: another document follows, which the kubelet passes over.
	More bool
	root hostfile.Node
	node string
}

// Read lists what the kubelet runs of a folder, by name: every file, and link to one, whose name does not begin with a dot, whatever its ending;
// no folder below. nodeName is what the host is called in its cluster, "" if that is not known. The error wraps fs.ErrNotExist if
// there is no such folder.
func Read(root fs.FS, folder, nodeName string) ([]Manifest, error) {
	if info, err := fs.Stat(root, inside(folder)); err == nil && info.Mode().IsRegular() { // the kubelet takes one file as well
		m, _, err := open(root, folder, nodeName)
		return []Manifest{m}, err
	}
	entries, err := fs.ReadDir(root, inside(folder))
	if err != nil {
		return nil, explain(folder, err)
	}
	var all []Manifest
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || e.IsDir() {
			continue
		}
		m, is, err := open(root, path.Join(folder, e.Name()), nodeName)
		if err != nil {
			return nil, err
		}
		if is {
			all = append(all, m)
		}
	}
	return all, nil
}

// open reads one manifest; false: it is no file, or a link that leads nowhere.
func open(root fs.FS, file, nodeName string) (m Manifest, is bool, err error) {
	info, err := fs.Stat(root, inside(file))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return m, false, nil
	}
	if err != nil {
		return m, false, explain(file, err)
	}
	f, err := root.Open(inside(file))
	if err != nil {
		return m, false, explain(file, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return m, false, explain(file, err)
	}
	return Parse(file, text, nodeName), true, nil
}

// Parse reads the text of a manifest.
func Parse(file string, text []byte, nodeName string) Manifest {
	m := Manifest{Name: path.Base(file), File: file, node: nodeName}
	if len(text) > maxFile {
		m.Problem = &hostfile.Problem{File: file, Message: fmt.Sprintf("larger than %d bytes", maxFile)}
		return m
	}
	m.root, m.More, m.Problem = hostfile.ParseYAML(file, text)
	switch spec := m.root.Field("spec"); {
	case m.Problem != nil:
	case m.root.Absent():
		m.Problem = &hostfile.Problem{File: file, Message: "it is empty"}
	case m.root.Field("kind").Text() != "" && m.root.Field("kind").Text() != "Pod":
		m.Problem = m.root.Field("kind").Problem("it is a %s, and no pod", hostfile.Clip(m.root.Field("kind").Text()))
	case len(spec.Field("containers").Items()) == 0:
		m.Problem = spec.Problem("it is no pod with a container")
	}
	return m
}

// isPod reports whether the kubelet would run it.
func (m Manifest) isPod() bool { return m.Problem == nil }

// containers are those that go on running: init containers do if they are restarted always.
func (m Manifest) containers() []container {
	spec := m.root.Field("spec")
	var all []container
	for _, n := range spec.Field("initContainers").Items() {
		if n.Field("restartPolicy").Text() == "Always" {
			all = append(all, container{n, m})
		}
	}
	for _, n := range spec.Field("containers").Items() {
		all = append(all, container{n, m})
	}
	return all
}

// Mounts reports whether the pod has a folder of the host as one of its volumes.
func (m Manifest) Mounts(folder string) bool {
	for _, v := range m.root.Field("spec").Field("volumes").Items() {
		if host := v.Field("hostPath").Field("path").Text(); host != "" && path.Clean(host) == path.Clean(folder) {
			return true
		}
	}
	return false
}

// explain names the file of the host.
func explain(name string, err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err
	}
	return fmt.Errorf("read %s: %w", name, err)
}

// inside is an absolute path as io/fs wants it.
func inside(name string) string {
	if name = strings.TrimPrefix(path.Clean(name), "/"); name == "" {
		return "."
	}
	return name
}

// Lacks says that this manifest, which has the name of a program, is no pod of it.
func (m Manifest) Lacks(program string) error {
	spec := m.root.Field("spec")
	if m.Problem != nil && (m.root.Absent() || len(spec.Field("containers").Items()) > 0 || m.root.Field("kind").Text() != "" && m.root.Field("kind").Text() != "Pod") {
		return m.Problem
	}
	return spec.Problem("it is no pod with a container that runs %s", program)
}

// Namespace of the pod.
func (m Manifest) Namespace() string { return m.root.Field("metadata").Field("namespace").Text() }
