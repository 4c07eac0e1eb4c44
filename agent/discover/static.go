package discover

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/staticpod"
)

// manifestEndings are those that people give the manifest of a program.
var manifestEndings = []string{".yaml", ".yml", ".json", ".manifest"}

// static reads what the kubelet of this host runs.
func (l *look) static() ([]staticpod.Manifest, error) {
	if l.podsRead {
		return l.pods, nil
	}
	var err error
	if l.kubelet, err = staticpod.OfHost(l.root); err != nil {
		return nil, err
	}
	l.pods, err = staticpod.Read(l.root, l.kubelet.Folder, l.kubelet.NodeName)
	if err != nil && !missing(err) && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l.podsRead = true
	return l.pods, nil
}

// program finds what a static pod of this host runs, whatever its file is called. errElsewhere: none runs it. A problem that is
// understood means that one does, and that it cannot be known what the program was told.
func (l *look) program(name, prefix string) (staticpod.Program, error) {
	all, err := l.static()
	if err != nil {
		return staticpod.Program{}, err
	}
	var found []staticpod.Program
	for _, m := range all {
		if isOpenShift(m) {
			continue
		}
		p, runs, err := m.Running(name, prefix)
		var problem *Problem
		if errors.As(err, &problem) {
			l.note(m.File)
			return p, &understood{problem}
		}
		if err != nil {
			return p, err
		}
		if runs {
			found = append(found, p)
			if m.More {
				l.notes = append(l.notes, m.File+" holds more than one document: the kubelet reads the first alone")
			}
		}
	}
	switch len(found) {
	case 0:
		return l.misnamed(all, name)
	case 1:
		l.note(found[0].File)
		return found[0], nil
	}
	first := found[0]
	l.note(first.File)
	for _, other := range found[1:] {
		l.note(other.File)
		if !sameSettings(first, other) {
			return first, &understood{&Problem{File: first.File, Message: fmt.Sprintf("%s runs %s as well, with other settings, and the kubelet runs whatever is in its folder", other.File, name),
				Advice: "move the one that is not meant out of " + l.kubelet.Folder}}
		}
	}
	l.notes = append(l.notes, fmt.Sprintf("%d manifests run %s, all told the same, and the kubelet runs each: keep one", len(found), name))
	return first, nil
}

// sameSettings reports whether two programs were told the same.
func sameSettings(a, b staticpod.Program) bool {
	return maps.EqualFunc(a.Of, b.Of, func(x, y Setting) bool { return x.Value == y.Value })
}

// misnamed is for a file that has the name of a program and is no pod of it.
func (l *look) misnamed(all []staticpod.Manifest, program string) (staticpod.Program, error) {
	for _, m := range all {
		if rest, is := strings.CutPrefix(m.Name, program); is && slices.Contains(manifestEndings, rest) {
			l.note(m.File)
			return staticpod.Program{}, m.Lacks(program)
		}
	}
	return staticpod.Program{}, errElsewhere
}

// note adds a file to those that were seen.
func (l *look) note(file string) {
	if !slices.Contains(l.seen, file) {
		l.seen = append(l.seen, file)
	}
}
