// Package metrics exports what the daemon knows, in the format of Prometheus. It decides nothing, and asks neither etcd nor a store when it is scraped.
//
// Its one invariant: no label holds a key or a secret of the cluster, and none grows without bound, whatever the cluster and the stores
// say.
package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"github.com/etcdward/etcdward/agent/atomicfile"
)

// prefix begins the name of every metric of ours.
const prefix = "etcdward_"

// Metrics are those of one process.
type Metrics struct {
	counts counts
	own    *prometheus.Registry // ours alone: node_exporter has those of a process already
	whole  prometheus.Gatherer
}

// New makes the metrics of a cluster, for an agent of a version. facts is asked at each scrape: it returns at once, and is called by several
// goroutines.
func New(cluster, version string, facts func() Facts) *Metrics {
	m := &Metrics{counts: newCounts(cluster), own: prometheus.NewRegistry()}
	m.own.MustRegister(newCollector(cluster, version, facts))
	m.own.MustRegister(m.counts.all()...)
	process := prometheus.NewRegistry()
	process.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	m.whole = prometheus.Gatherers{m.own, process}
	return m
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	// Compression would hold a megabyte of memory for each client, and the text is small.
	return promhttp.HandlerFor(m.whole, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, DisableCompression: true})
}

// WriteFile replaces a file for the textfile collector of node_exporter, which runs as another user.
func (m *Metrics) WriteFile(path string) error {
	text, err := m.text()
	if err != nil {
		return err
	}
	return atomicfile.Write(path, text, atomicfile.Options{Mode: 0o644})
}

func (m *Metrics) text() ([]byte, error) {
	gathered, err := m.own.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather metrics: %w", err)
	}
	var text bytes.Buffer
	encoder := expfmt.NewEncoder(&text, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range gathered {
		err = errors.Join(err, encoder.Encode(family))
	}
	return text.Bytes(), err
}

// All lists every metric of ours, by name, without the prefix.
func All() []Family {
	all := slices.Concat(families, Counted)
	slices.SortFunc(all, func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
	return all
}
