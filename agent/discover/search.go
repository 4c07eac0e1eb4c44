package discover

import (
	"errors"
	"fmt"
	"slices"
)

// search weighs what each kind found: a member that files tell of, before what is there and cannot be understood, before the presets of a
// package, before a host that has nothing to look after.
type search struct {
	members []Host
	untold  []Host
	problem *Problem
	// certain: the problem is about an etcd that is surely there, so that nothing else is taken in its place.
	certain bool
	nothing []*Nothing
}

// look has one kind look at the host, and notes what it found. The error ends the search.
func (s *search) look(l *look, find func() (Host, error)) error {
	l.seen, l.untold, l.notes = nil, false, nil
	h, err := find()
	var nothing *Nothing
	var problem *Problem
	var sure *understood
	h.Seen, h.Notes = l.seen, append(h.Notes, l.notes...)
	switch {
	case errors.Is(err, errElsewhere):
	case errors.As(err, &nothing):
		nothing.Seen = l.seen
		s.nothing = append(s.nothing, nothing)
	case errors.As(err, &sure):
		if !s.certain {
			s.problem, s.certain = sure.Problem, true
		}
	case errors.As(err, &problem):
		if s.problem == nil {
			s.problem = problem
		}
	case err != nil:
		return err
	case l.untold:
		s.untold = append(s.untold, h)
	default:
		s.members = append(s.members, h)
	}
	return nil
}

// understood is a problem of an etcd that is surely on this host.
type understood struct{ *Problem }

func (u *understood) Unwrap() error { return u.Problem }

// choose gives the host that counts; a Kind of "": nothing was found at all.
func (s *search) choose() (Host, error) {
	found := slices.Concat(s.members, s.untold)
	switch {
	case s.certain, s.problem != nil && len(s.members) == 0:
		return Host{}, s.problem
	case len(found) == 0 && len(s.nothing) > 0:
		return Host{}, s.nothing[0]
	case len(found) == 0:
		return Host{}, nil
	}
	h := found[0]
	for _, other := range s.members {
		if other.Kind != h.Kind && !slices.Equal(other.Endpoints, h.Endpoints) {
			h.Notes = append(h.Notes, fmt.Sprintf("%s also tells of an etcd, %s: if that is meant, name it with --endpoint", other.Kind, other.Endpoints[0]))
		}
	}
	if s.problem != nil {
		h.Notes = append(h.Notes, "passed over, since an etcd was found: "+s.problem.Error())
	}
	for _, n := range s.nothing {
		h.Notes = append(h.Notes, "passed over, since an etcd was found: "+n.Reason)
	}
	return h, nil
}
