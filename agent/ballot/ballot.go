// Package ballot counts what members of a cluster say of their own data, and names whom the others outvote. It is pure: it asks nobody.
//
// Its one invariant: a majority is one of all voters, those that are away included, so that two members that are wrong in the same way
// never outvote one that is right while the others are away.
package ballot

import (
	"cmp"
	"slices"
	"strings"
)

// Vote is what one member holds.
type Vote struct {
	Member string
	// Data stands for what the member holds: two votes with the same Data hold the same.
	Data string
}

// Party is everyone who holds the same data.
type Party struct {
	Data    string
	Members []string // in the order of the votes
}

// String names the members of a party.
func (p Party) String() string { return strings.Join(p.Members, ", ") }

// Parties puts together who holds the same, the largest party first; among equals, the one that voted first.
func Parties(votes []Vote) []Party {
	var parties []Party
	for _, v := range votes {
		i := slices.IndexFunc(parties, func(p Party) bool { return p.Data == v.Data })
		if i < 0 {
			i = len(parties)
			parties = append(parties, Party{Data: v.Data})
		}
		parties[i].Members = append(parties[i].Members, v.Member)
	}
	slices.SortStableFunc(parties, func(a, b Party) int { return cmp.Compare(len(b.Members), len(a.Members)) })
	return parties
}

// Majority returns the party of more than half of all voters, and the votes against it. False: there is none, and nobody can tell who is
// right.
func Majority(votes []Vote, voters int) (majority Party, odd []Vote, found bool) {
	parties := Parties(votes)
	if len(parties) == 0 || 2*len(parties[0].Members) <= max(voters, len(votes)) {
		return Party{}, nil, false
	}
	for _, v := range votes {
		if v.Data != parties[0].Data {
			odd = append(odd, v)
		}
	}
	return parties[0], odd, true
}
