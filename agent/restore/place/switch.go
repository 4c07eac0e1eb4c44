package place

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/etcdward/etcdward/agent/fault"
	"golang.org/x/sys/unix"
)

// ErrLost means that a directory is neither of the two that the journal knows. Nothing is moved then.
var ErrLost = errors.New("a directory is not where the journal has it")

// spot is a place where one of the two directories can be.
type spot int

const (
	nowhere spot = iota
	live
	fresh
	old
	undone
)

// scene is what lies where: the identity found at each spot, zero for nothing.
type scene map[spot]Identity

func (s scene) find(id Identity) spot {
	if id != (Identity{}) {
		for _, at := range []spot{live, fresh, old, undone} {
			if s[at] == id {
				return at
			}
		}
	}
	return nowhere
}

// move is one rename. An exchange swaps both ends at once.
type move struct {
	from, to spot
	exchange bool
}

// Forward decides on the next rename towards the restored directory in its place; none: it is there. Without exchange the
// data directory is missing between two renames.
func Forward(j Journal, s scene, exchange bool) ([]move, error) {
	switch newAt, oldAt := s.find(j.New), s.find(j.Old); {
	case newAt == fresh && oldAt == live && exchange:
		return []move{{live, fresh, true}}, nil
	case newAt == fresh && oldAt == live:
		return []move{{live, old, false}}, nil
	case newAt == fresh && (oldAt == old || j.Old == Identity{}) && s[live] == Identity{}:
		return []move{{fresh, live, false}}, nil
	case newAt == live && oldAt == fresh:
		return []move{{fresh, old, false}}, nil
	case newAt == live && (oldAt == old || j.Old == Identity{}):
		return nil, nil
	}
	return nil, ErrLost
}

// Backward decides on the next rename towards the old directory in its place; none: it is there, or there was none and
// the place is free.
func Backward(j Journal, s scene, exchange bool) ([]move, error) {
	switch newAt, oldAt := s.find(j.New), s.find(j.Old); {
	case j.Old == Identity{} && newAt == live:
		return []move{{live, undone, false}}, nil
	case j.Old == Identity{} && newAt != old:
		return nil, nil
	case oldAt == live && newAt == old:
		return []move{{old, undone, false}}, nil
	case oldAt == live:
		return nil, nil
	case oldAt == fresh && newAt == live && exchange:
		return []move{{live, fresh, true}}, nil
	case oldAt == old && newAt == live && exchange:
		return []move{{live, old, true}}, nil
	case (oldAt == old || oldAt == fresh) && newAt == live:
		return []move{{live, undone, false}}, nil
	case (oldAt == old || oldAt == fresh) && s[live] == Identity{}:
		return []move{{oldAt, live, false}}, nil
	}
	return nil, ErrLost
}

// path of a spot.
func (l Layout) path(at spot, j Journal) string {
	switch at {
	case live:
		return l.Live
	case fresh:
		return l.Fresh
	case old:
		return l.Old
	}
	return j.Undone
}

// look finds out what lies where. An empty folder that is none of the two counts as nothing: the kubelet makes one where a
// data directory is missing.
func (l Layout) look(j Journal) (scene, error) {
	s := scene{}
	for _, at := range []spot{live, fresh, old, undone} {
		path := l.path(at, j)
		if path == "" {
			continue
		}
		id, err := Identify(path)
		if err != nil {
			return nil, err
		}
		if id != j.Old && id != j.New && id != (Identity{}) {
			if empty, err := isEmpty(path); err == nil && empty {
				continue
			}
		}
		s[at] = id
	}
	return s, nil
}

// Feasible reports whether decide can finish from what lies where, by carrying out its moves on paper. Nothing is changed.
func (l Layout) Feasible(j Journal, decide func(Journal, scene, bool) ([]move, error)) error {
	s, err := l.look(j)
	if err != nil {
		return err
	}
	for {
		next, err := decide(j, s, true)
		if err != nil {
			return l.lost(j, s, err)
		}
		if len(next) == 0 {
			return nil
		}
		m := next[0]
		if m.exchange {
			s[m.from], s[m.to] = s[m.to], s[m.from]
			continue
		}
		s[m.to] = s[m.from]
		delete(s, m.from)
	}
}

// lost describes what lies where, if that is not what the journal has.
func (l Layout) lost(j Journal, s scene, err error) error {
	place := func(id Identity) string {
		at := s.find(id)
		switch {
		case id == Identity{}:
			return "there was none"
		case at == nowhere:
			return "gone"
		}
		return l.path(at, j)
	}
	hint := fmt.Sprintf("nothing can be switched here any more: have the directory that etcd is to run on at %s, and remove %s", l.Live, l.Journal)
	if len(j.Files) > 0 {
		hint += fmt.Sprintf("; manifests that are in %s go back to %s", j.Aside, j.Manifests)
	}
	return fault.WithHint(fmt.Errorf("switch %s: %w: the directory as it was: %s; the restored one: %s", l.Live, err, place(j.Old), place(j.New)), hint)
}

// Rename carries out moves until decide has none left. Each is synced before the next.
func (l Layout) Rename(j Journal, decide func(Journal, scene, bool) ([]move, error)) error {
	exchange := true
	for {
		s, err := l.look(j)
		if err != nil {
			return err
		}
		next, err := decide(j, s, exchange)
		if err != nil {
			return l.lost(j, s, err)
		}
		if len(next) == 0 {
			return nil
		}
		m := next[0]
		from, to := l.path(m.from, j), l.path(m.to, j)
		if m.exchange {
			err = unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_EXCHANGE)
			if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP) {
				exchange = false // not every file system can
				continue
			}
		} else {
			err = unix.Rename(from, to) // unlike os.Rename it replaces an empty folder
		}
		if err == nil {
			err = errors.Join(SyncPath(filepath.Dir(from)), SyncPath(filepath.Dir(to)))
		}
		if err != nil {
			return fmt.Errorf("switch %s: %w", l.Live, err)
		}
	}
}
