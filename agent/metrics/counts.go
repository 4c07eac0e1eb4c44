package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Results of a run.
const (
	Done        = "ok"
	Findings    = "findings"
	Failed      = "failed"
	Skipped     = "skipped" // another agent is at work
	Interrupted = "interrupted"
	TooLate     = "window_missed"
)

var results = []string{Done, Findings, Failed, Skipped, Interrupted, TooLate}

// durations, in seconds, are the buckets for runs.
var durations = []float64{1, 5, 15, 60, 300, 900, 3600, 7200}

// Counted lists the metrics that count what this process did. All are of the host.
var Counted = []Family{
	{"job_runs_total", OfHost, counter, "Runs since the agent was started, by their result.", []string{"task", "result"}},
	{"job_missed_runs_total", OfHost, counter, "Due runs that did not take place because the host or the agent was down, or was busy.", []string{"task"}},
	{"job_duration_seconds", OfHost, gauge, "How long runs took.", []string{"task"}},
	{"stored_snapshots_total", OfHost, counter, "Snapshots that this host brought to the store.", []string{"store"}},
	{"stored_bytes_total", OfHost, counter, "Bytes of them, compressed and encrypted.", []string{"store"}},
	{"heartbeats_total", OfHost, counter, "Requests to heartbeat.url and heartbeat.failure_url, by what became of them.", []string{"kind", "result"}},
}

// counts are the metrics that grow.
type counts struct {
	runs, missed, snapshots, bytes, beats *prometheus.CounterVec
	took                                  *prometheus.HistogramVec
}

func newCounts(cluster string) counts {
	labels := prometheus.Labels{"cluster": cluster}
	vec := func(i int) *prometheus.CounterVec {
		f := Counted[i]
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + f.Name, Help: f.Help, ConstLabels: labels}, f.Labels)
	}
	took := Counted[2]
	return counts{runs: vec(0), missed: vec(1), snapshots: vec(3), bytes: vec(4), beats: vec(5),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + took.Name, Help: took.Help, ConstLabels: labels, Buckets: durations}, took.Labels)}
}

func (c counts) all() []prometheus.Collector {
	return []prometheus.Collector{c.runs, c.missed, c.took, c.snapshots, c.bytes, c.beats}
}

// Expect makes the counts of jobs and stores begin at 0, so that the first one that is counted is seen as an increase.
func (m *Metrics) Expect(jobs, stores []string) {
	for _, job := range jobs {
		m.counts.missed.WithLabelValues(job)
		m.counts.took.WithLabelValues(job)
		for _, result := range results {
			m.counts.runs.WithLabelValues(job, result)
		}
	}
	for _, store := range stores {
		m.counts.snapshots.WithLabelValues(store)
		m.counts.bytes.WithLabelValues(store)
	}
}

// RunEnded counts a run of a job, and the due runs that it replaces.
func (m *Metrics) RunEnded(job, result string, took time.Duration, missed int) {
	m.counts.runs.WithLabelValues(job, result).Inc()
	m.counts.missed.WithLabelValues(job).Add(float64(missed))
	if result != TooLate {
		m.counts.took.WithLabelValues(job).Observe(took.Seconds())
	}
}

// Stored counts a snapshot that this host brought to a store.
func (m *Metrics) Stored(store string, bytes int64) {
	m.counts.snapshots.WithLabelValues(store).Inc()
	m.counts.bytes.WithLabelValues(store).Add(float64(max(bytes, 0)))
}

// Beat counts a heartbeat: kind is "success" or "failure", result "sent", "failed" or "dropped".
func (m *Metrics) Beat(kind, result string) { m.counts.beats.WithLabelValues(kind, result).Inc() }
