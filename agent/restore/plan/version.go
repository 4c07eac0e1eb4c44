package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/version"
)

// Needs is the oldest version that may run on the snapshot's data: that of its storage, or else of the server that
// gave it. "": not known.
func (s Source) Needs() string {
	if s.StorageVersion != "" {
		return s.StorageVersion
	}
	return s.EtcdVersion
}

// AlarmsText says what alarms that a snapshot has do to the cluster that is restored from it. They are etcd's own keys, and
// come along (etcdserver/api/v3alarm).
func AlarmsText(alarms []string) string {
	text := fmt.Sprintf("the snapshot has the alarm %s raised: the restored cluster takes no writes until it is disarmed, with etcdctl alarm disarm once the members run", strings.Join(alarms, ", "))
	if slices.Contains(alarms, "CORRUPT") {
		text += ". CORRUPT means that members differed when it was taken: an older snapshot may be the better one"
	}
	return text
}

// ParseEtcdVersion takes 3.6.16, 3.6 and v3.6.16; anything else is an error, since it would be compared with nothing.
func ParseEtcdVersion(text string) (string, error) {
	if _, err := version.Parse(text); err != nil {
		return "", err
	}
	return strings.TrimPrefix(text, "v"), nil
}

// CheckVersion refuses an etcd older than the data: 3.6 ends on 3.7's, and 3.5 runs on anything and spoils it without a word.
// host "" is not known, and passes.
func (s Source) CheckVersion(host string) error {
	has, wanted := releaseOf(host), releaseOf(s.Needs())
	if !has.Known() || !has.Older(wanted) {
		return nil
	}
	return fault.WithHint(fmt.Errorf("this host has etcd %s and the snapshot is of %s: that would be a downgrade, which etcd does not survive", host, s.Needs()),
		"install etcd "+s.Needs()+" or newer on this host first; etcdward list shows snapshots of other versions")
}

// releaseOf is the release in a text; the zero Version if there is none.
func releaseOf(text string) version.Version {
	v, err := version.Parse(text)
	if err != nil {
		return version.Version{}
	}
	return v.Release()
}
