package daemon

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/jobstate"
	"github.com/etcdward/etcdward/agent/metrics"
	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/schedule"
)

// sightings are what the daemon saw last of everything that it shows. Whoever reads them waits for nobody.
type sightings struct {
	started time.Time

	mu       sync.Mutex
	facts    metrics.Facts
	stores   map[string]metrics.Store
	success  map[string]time.Time // of each job
	interval map[string]interval  // of each job
}

// interval is the time between two due runs of a job, as it was until a time.
type interval struct {
	long  time.Duration
	until time.Time
}

func newSightings(now time.Time) *sightings {
	return &sightings{started: now, stores: map[string]metrics.Store{}, success: map[string]time.Time{}, interval: map[string]interval{}}
}

// status keeps what a look at the cluster and the stores saw.
func (s *sightings) status(seen status.Status, now time.Time, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts.Status, s.facts.Looked, s.facts.LookTook = seen, now, took
}

// probe keeps what a look at the members saw.
func (s *sightings) probe(p metrics.Probe) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts.Probe = p
}

// store keeps what a look at the settings of a store saw. What it could not see is as it was.
func (s *sightings) store(name string, seen metrics.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.stores[name]
	if seen.Versioned == nil {
		seen.Versioned = was.Versioned
	}
	if seen.Locked == nil {
		seen.Locked = was.Locked
	}
	if seen.CreateOnly == nil {
		seen.CreateOnly = was.CreateOnly
	}
	if seen.ReadBack.At.IsZero() {
		seen.ReadBack = was.ReadBack
	}
	if seen.Drilled.At.IsZero() {
		seen.Drilled = was.Drilled
	}
	seen.Held, seen.HeldSince, seen.Pruned = was.Held, was.HeldSince, was.Pruned
	s.stores[name] = seen
}

// Reasons for which nothing is pruned, as a label.
const (
	heldForeign  = "other_cluster"
	heldUnproven = "nothing_newer_proven" // no snapshot is proven, or a clock is wrong
)

// pruned keeps what became of pruning a store; held is why nothing could be removed, nil if nothing held it.
func (s *sightings) pruned(name string, held error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	store := s.stores[name]
	if held == nil {
		store.Held, store.HeldSince, store.Pruned = "", time.Time{}, now
	} else {
		store.Held = heldUnproven
		if errors.Is(held, catalog.ErrOtherCluster) {
			store.Held = heldForeign
		}
		if store.HeldSince.IsZero() {
			store.HeldSince = now
		}
	}
	s.stores[name] = store
}

// succeeded keeps when a job last did its work.
func (s *sightings) succeeded(job string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.success[job] = at
}

// read returns everything, for the jobs and stores of a generation.
func (s *sightings) read(g *generation, running []string, refused bool, now time.Time) metrics.Facts {
	records, err := jobstate.Read(g.StatePath())
	if err != nil {
		records = nil // there is none yet, or the status tells what is wrong with it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.facts
	out.Started, out.SpoolLimit, out.ReloadRefused = s.started, int64(g.Config.Snapshot.SpoolLimit), refused
	if c := g.Config.Defrag; !c.Schedule.Off() {
		out.Defrag = &metrics.Reclaimable{Bytes: int64(c.MinReclaimable), Ratio: c.MinReclaimableRatio}
	}
	for _, job := range g.jobs {
		out.Jobs = append(out.Jobs, s.job(job, records[job.Name], running, now))
	}
	out.Stores = maps.Clone(s.stores)
	_, configured := g.names()
	maps.DeleteFunc(out.Stores, func(name string, _ metrics.Store) bool { return !slices.Contains(configured, name) })
	return out
}

// names are the jobs and the stores of a generation.
func (g *generation) names() (jobs, stores []string) {
	for _, job := range g.jobs {
		jobs = append(jobs, job.Name)
	}
	for _, store := range g.Stores {
		stores = append(stores, store.Name)
	}
	return jobs, stores
}

func (s *sightings) job(job schedule.Job, r schedule.Record, running []string, now time.Time) metrics.Job {
	out := metrics.Job{Name: job.Name, Next: job.Schedule.Next(now), Started: r.Started, Ended: r.Ended, OK: r.OK, Success: s.success[job.Name]}
	if r.OK && r.Ended.After(out.Success) {
		out.Success = r.Ended
	}
	out.Running = slices.Contains(running, job.Name)
	key := job.Name + " " + job.Schedule.String()
	if known := s.interval[key]; now.Before(known.until) {
		out.Interval = known.long
		return out
	}
	out.Interval = longest(job.Schedule, now)
	s.interval[key] = interval{out.Interval, out.Next}
	return out
}

// farthest is how far back the due runs of a job are looked for.
const farthest = 32 * 24 * time.Hour

// longest returns the longer of the two times between due runs around now: from the one before the last to the last, and from the last to
// the next. After a pause of the schedule, over a weekend for instance, it shrinks only when the first run after it had its time.
func longest(s schedule.Schedule, now time.Time) time.Duration {
	next := s.Next(now)
	if next.IsZero() {
		return 0
	}
	last, ok := s.Last(now, now.Add(-farthest))
	if !ok {
		return s.Next(next).Sub(next)
	}
	long := next.Sub(last)
	if before, ok := s.Last(last.Add(-time.Second), last.Add(-farthest)); ok {
		long = max(long, last.Sub(before))
	}
	return long
}
