package observe

import (
	"maps"
	"slices"
	"time"

	"github.com/etcdward/etcdward/agent/hostrecord"
	"github.com/etcdward/etcdward/agent/status"
)

// lastKnown gives each store that could not be read what was last seen there. A sighting of another etcd cluster than the one that answers does not count.
func (o *Observer) lastKnown(s *status.Status) error {
	known, err := hostrecord.Sightings(o.ClusterName, o.RecordPaths...)
	away := false
	for i, store := range s.Stores {
		if store.Error == "" {
			continue
		}
		away = true
		was, ok := known[store.Name]
		if !ok || s.Cluster.ID != "" && was.ClusterID != s.Cluster.ID {
			continue
		}
		s.Stores[i].LastProven = &status.Proven{ID: was.ID, TakenAt: was.TakenAt, Revision: was.Revision, Level: was.Level, Store: store.Name,
			KnownSince: was.KnownSince, SeenAt: was.SeenAt}
		s.Stores[i].LastSuccess = &was.TakenAt
	}
	if !away {
		return nil // what was seen earlier is not needed
	}
	return err
}

// nameEmergency names the newest emergency snapshot, if nothing newer is proven in any store that was read.
func nameEmergency(s *status.Status, seen []Inspection, now time.Time) {
	proven := time.Time{}
	for _, in := range seen {
		if in.Newest != nil && in.Newest.Manifest.TakenAt.After(proven) {
			proven = in.Newest.Manifest.TakenAt
		}
	}
	for i, in := range seen {
		m := in.Emergency
		if m == nil || !m.TakenAt.After(proven) || s.Emergency != nil && !m.TakenAt.After(s.Emergency.TakenAt) {
			continue
		}
		s.Emergency = &status.Proven{ID: m.ID, TakenAt: m.TakenAt, Revision: m.Revision, Store: s.Stores[i].Name, KnownSince: m.TakenAt, SeenAt: now.UTC().Truncate(time.Second)}
	}
}

// agent tells whether an agent runs on this host.
func (o *Observer) agent() status.Agent {
	out := status.Agent{Binary: o.Version}
	a, err := hostrecord.RunningAgent(o.RecordPaths...)
	if a == nil && err != nil {
		out.Error = err.Error()
		return out
	}
	runs := a != nil
	out.Running = &runs
	if runs {
		out.PID, out.Since, out.Version = a.PID, &a.Since, a.Version
	}
	return out
}

// Remember keeps in each folder what a status saw proven, so that it is known when a store is away. What was seen earlier of a store that could not be
// read stays. It is the only thing that an Observer writes.
func (o *Observer) Remember(s status.Status, folders ...string) error {
	known, err := hostrecord.Sightings(o.ClusterName, o.RecordPaths...)
	if err != nil {
		known = nil // it is damaged, and what was seen now replaces it
	}
	kept := map[string]hostrecord.Sighting{}
	maps.Copy(kept, known)
	for name := range kept {
		if !o.has(name) {
			delete(kept, name)
		}
	}
	for _, store := range s.Stores {
		p := store.LastProven
		switch {
		case store.Error != "":
		case p == nil:
			delete(kept, store.Name)
		default:
			cluster := s.Cluster.ID
			if cluster == "" {
				cluster = kept[store.Name].ClusterID
			}
			kept[store.Name] = hostrecord.Sighting{ID: p.ID, TakenAt: p.TakenAt, Revision: p.Revision, Level: p.Level, KnownSince: p.KnownSince, SeenAt: p.SeenAt, ClusterID: cluster}
		}
	}
	for _, folder := range folders {
		if err := hostrecord.WriteSightings(folder, o.ClusterName, kept); err != nil {
			return err
		}
	}
	return nil
}

func (o *Observer) has(store string) bool {
	return slices.ContainsFunc(o.Stores, func(s Store) bool { return s.Name == store })
}
