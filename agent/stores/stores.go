package stores

import (
	"log/slog"
	"slices"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/retention"
)

// Store is a place where snapshots of this cluster are kept.
type Store struct {
	Name      string
	Catalog   *catalog.Catalog
	Retention retention.Policy
	// Log receives what a search passed over; nil means that nothing is logged.
	Log *slog.Logger
}

func (s Store) warn(message string, args ...any) {
	if s.Log != nil {
		s.Log.Warn(message, args...)
	}
}

// Named is how many bad snapshots are named at most: a longer list would help nobody.
const Named = 3

// Ownership says which cluster's snapshots count in a store.
type Ownership struct {
	// Live is the etcd cluster id, in hex, of the cluster that answers; "" if none does.
	Live string
	// IDs are the cluster ids of the store's cluster.json.
	IDs []string
	// Known reports whether IDs could be read.
	Known bool
}

// Foreign reports whether the store is known to belong to another cluster.
func (o Ownership) Foreign() bool {
	return o.Live != "" && len(o.IDs) > 0 && !slices.Contains(o.IDs, o.Live)
}

// Allows reports whether snapshots of a cluster belong in the store, as far as is known.
func (o Ownership) Allows(id string) bool {
	if !o.Known {
		return o.Live == "" || id == o.Live
	}
	return slices.Contains(o.IDs, id)
}

// Counts reports whether snapshots of a cluster prove anything about the cluster that answers.
func (o Ownership) Counts(id string) bool { return o.Live == "" || id == o.Live }
