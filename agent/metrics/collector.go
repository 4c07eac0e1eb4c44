package metrics

import (
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/etcdward/etcdward/agent/status"
)

// collector turns facts into metrics at each scrape. It asks nobody.
type collector struct {
	descs   map[string]*prometheus.Desc
	kinds   map[string]prometheus.ValueType
	version string
	facts   func() Facts
	now     func() time.Time
}

func newCollector(cluster, version string, facts func() Facts) *collector {
	c := &collector{descs: map[string]*prometheus.Desc{}, kinds: map[string]prometheus.ValueType{}, version: version, facts: facts, now: time.Now}
	for _, f := range families {
		c.descs[f.Name] = prometheus.NewDesc(prefix+f.Name, f.Help, f.Labels, prometheus.Labels{"cluster": cluster})
		c.kinds[f.Name] = f.Kind
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	facts := c.facts()
	s := sink{c, out}
	s.put("build_info", 1, c.version, runtime.Version())
	s.at("alive_timestamp_seconds", c.now())
	s.at("started_timestamp_seconds", facts.Started)
	s.at("looked_timestamp_seconds", facts.Looked)
	s.put("spool_limit_bytes", float64(facts.SpoolLimit))
	s.put("config_reload_refused", truth(facts.ReloadRefused))
	if facts.Defrag != nil {
		s.put("defrag_min_reclaimable_bytes", float64(facts.Defrag.Bytes))
		s.put("defrag_min_reclaimable_ratio", facts.Defrag.Ratio)
	}
	for _, job := range facts.Jobs {
		s.job(job)
	}
	if !facts.Looked.IsZero() {
		s.put("look_duration_seconds", facts.LookTook.Seconds())
		s.status(facts.Status, facts.Stores)
	}
	for _, name := range bounded(facts.Stores) {
		s.store(name, facts.Stores[name])
	}
	if !facts.Probe.At.IsZero() {
		s.probe(facts.Probe, facts.Status.Members)
	}
}

// sink puts the metrics of one scrape out.
type sink struct {
	*collector
	out chan<- prometheus.Metric
}

func (s sink) put(name string, value float64, labels ...string) {
	for i, l := range labels {
		labels[i] = label(l)
	}
	s.out <- prometheus.MustNewConstMetric(s.descs[name], s.kinds[name], value, labels...)
}

// at puts a time out, if it is known.
func (s sink) at(name string, t time.Time, labels ...string) {
	if !t.IsZero() {
		s.put(name, float64(t.UnixMilli())/1000, labels...)
	}
}

func (s sink) flag(name string, is *bool, labels ...string) {
	if is != nil {
		s.put(name, truth(*is), labels...)
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func (s sink) job(j Job) {
	if j.Interval > 0 {
		s.put("job_interval_seconds", j.Interval.Seconds(), j.Name)
	}
	s.at("job_next_timestamp_seconds", j.Next, j.Name)
	s.put("job_running", truth(j.Running), j.Name)
	s.at("job_last_success_timestamp_seconds", j.Success, j.Name)
	if j.Ended.IsZero() {
		return
	}
	s.at("job_last_run_timestamp_seconds", j.Ended, j.Name)
	s.put("job_last_run_duration_seconds", j.Ended.Sub(j.Started).Seconds(), j.Name)
	s.put("job_last_run_ok", truth(j.OK), j.Name)
}

// status puts out what the last look saw.
func (s sink) status(seen status.Status, proofs map[string]Store) {
	for _, v := range []status.Verdict{status.Protected, status.AtRisk, status.Unprotected} {
		s.put("status", truth(v == seen.Verdict), string(v))
	}
	reasons := len(seen.Reasons)
	if seen.Verdict == status.Protected {
		reasons = 0 // the one that it has says why all is well
	}
	s.put("status_reasons", float64(reasons))
	s.put("spool_set_aside_snapshots", float64(len(seen.SetAside)))
	if p := seen.LastProven; p != nil {
		s.at("cluster_proven_timestamp_seconds", p.TakenAt)
		s.put("cluster_proven_revision", float64(p.Revision))
	}
	for _, store := range seen.Stores {
		s.put("store_reachable", truth(store.Error == ""), store.Name)
		s.put("spool_snapshots", float64(store.Spooled), store.Name)
		s.at("cluster_store_last_success_timestamp_seconds", newestIn(store), store.Name)
		s.levels(store, proofs[store.Name])
		if store.Error == "" {
			s.put("cluster_store_snapshots", float64(store.Snapshots), store.Name)
			s.put("cluster_store_findings", float64(len(store.Wrong)), store.Name)
		}
	}
}

// newestIn returns when the newest proven snapshot of a store was taken, which may have been seen there earlier: a time does not grow wrong. Zero: none is
// known.
func newestIn(store status.Store) time.Time {
	switch {
	case store.LastSuccess != nil:
		return *store.LastSuccess
	case store.LastProven != nil:
		return store.LastProven.TakenAt
	}
	return time.Time{}
}

// levels puts out, for each level of proof, the newest snapshot that reaches it.
func (s sink) levels(store status.Store, proofs Store) {
	for level, at := range byLevel(store, proofs) {
		s.at("cluster_store_proven_timestamp_seconds", at, store.Name, strconv.Itoa(level))
	}
}

// byLevel returns when the newest snapshot of a store was taken that is proven at each level or above; levels that none reaches
// are missing.
func byLevel(store status.Store, proofs Store) map[int]time.Time {
	at := map[int]time.Time{}
	reach := func(level int, taken time.Time) {
		for l := 1; l <= level; l++ {
			if !taken.IsZero() && taken.After(at[l]) {
				at[l] = taken
			}
		}
	}
	reach(1, newestIn(store))
	if p := store.LastProven; p != nil {
		reach(p.Level, p.TakenAt)
	}
	reach(4, proofs.ReadBack.TakenAt)
	reach(5, proofs.Drilled.TakenAt)
	return at
}

func (s sink) store(name string, store Store) {
	s.flag("cluster_store_versioned", store.Versioned, name)
	s.flag("cluster_store_locked", store.Locked, name)
	s.flag("cluster_store_create_only", store.CreateOnly, name)
	s.at("cluster_store_verified_timestamp_seconds", store.ReadBack.At, name)
	s.at("cluster_store_drilled_timestamp_seconds", store.Drilled.At, name)
	if took := store.Drilled.Took; took > 0 {
		s.put("cluster_store_restore_seconds", took.Seconds(), name)
	}
	s.at("prune_last_success_timestamp_seconds", store.Pruned, name)
	if store.Held != "" {
		s.put("prune_held", 1, name, store.Held)
		s.at("prune_held_since_timestamp_seconds", store.HeldSince, name)
	}
}

// probe puts out what the members showed. judged are the members as the last look at the whole judged them.
func (s sink) probe(p Probe, judged []status.Member) {
	s.at("etcd_probed_timestamp_seconds", p.At)
	s.put("etcd_reachable", truth(p.Reached))
	s.put("spool_bytes", float64(p.SpoolBytes))
	for role, expires := range soonest(p.Certificates) {
		s.at("certificate_expiry_timestamp_seconds", expires, role)
	}
	if !p.Reached {
		return
	}
	if p.Holder != "" {
		s.put("cluster_lock_info", 1, p.Holder, p.Task)
	}
	s.put("cluster_members", float64(len(p.Members)))
	odd := map[string]bool{}
	for _, m := range judged {
		odd[m.ID] = m.Odd != ""
	}
	for i, name := range distinct(p.Members) {
		s.member(name, p.Members[i])
		s.put("cluster_member_data_differs", truth(odd[p.Members[i].ID]), name)
	}
}

// soonest returns, for each role, when the first of its certificates expires.
func soonest(all []Certificate) map[string]time.Time {
	first := map[string]time.Time{}
	for _, c := range all {
		if c.Expires.IsZero() {
			continue
		}
		if at, ok := first[c.Role]; !ok || c.Expires.Before(at) {
			first[c.Role] = c.Expires
		}
	}
	return first
}

func (s sink) member(name string, m Member) {
	s.put("cluster_member_info", 1, name, m.ID, m.Role, m.Version)
	s.put("cluster_member_healthy", truth(m.Healthy), name)
	for _, kind := range alarms {
		s.put("cluster_member_alarm", truth(has(m.Alarms, kind)), name, kind)
	}
	if !m.Answered {
		return
	}
	s.put("cluster_member_db_size_bytes", float64(m.DBSize), name)
	s.put("cluster_member_db_in_use_bytes", float64(m.DBInUse), name)
	if m.Quota > 0 {
		s.put("cluster_member_db_quota_bytes", float64(m.Quota), name)
	}
	s.put("cluster_member_revision", float64(m.Revision), name)
	s.put("cluster_member_lag_entries", float64(m.Lag), name)
	if m.LeaderChanges >= 0 {
		s.put("cluster_member_leader_changes_total", m.LeaderChanges, name)
	}
	if m.Sync.Count > 0 {
		s.out <- prometheus.MustNewConstHistogram(s.descs[walSync], m.Sync.Count, m.Sync.Sum, m.Sync.Buckets, label(name))
	}
}
