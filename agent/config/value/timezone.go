package value

import (
	_ "embed"
	"errors"
	"strings"
	"time"
)

// TimeZone is where the schedules are read. It is never the host's own zone, because the hosts of one cluster
// have to agree on when a job is due.
type TimeZone struct {
	Name     string
	Location *time.Location
}

// The names of the IANA time zone database, for hints only. What a host accepts depends on its own copy of
// the data.
//
//go:embed zones.txt
var zones string

// ParseTimeZone reads UTC or a name such as Europe/Berlin.
func ParseTimeZone(s string) (TimeZone, error) {
	const allowed = " (allowed: UTC, or a name such as Europe/Berlin)"
	if s == "" || strings.EqualFold(s, "local") {
		return TimeZone{}, errors.New("the host's own zone is not allowed: " +
			"all hosts of the cluster have to agree on what is due" + allowed)
	}
	names := strings.Fields(zones)
	loc, err := time.LoadLocation(s)
	if err == nil && loc.String() == s {
		return TimeZone{Name: s, Location: loc}, nil
	}
	near := Nearest(s, names)
	for _, name := range names {
		if _, city, _ := strings.Cut(name, "/"); strings.EqualFold(city, strings.ReplaceAll(s, " ", "_")) {
			near = name
		}
	}
	switch near {
	case "":
		return TimeZone{}, errors.New("no such time zone on this host" + allowed)
	case s:
		return TimeZone{}, errors.New("this host has no time zone data for it: install tzdata, or use UTC")
	default:
		return TimeZone{}, errors.New("no such time zone on this host (allowed: UTC, or a name such as Europe/Berlin; " +
			"did you mean " + near + "?)")
	}
}
