package etcd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/etcd/connection"
)

// Gauges are what a member shows only in its metrics.
type Gauges struct {
	// OpenSnapshots is how many streams of snapshots the member serves now, to any client.
	OpenSnapshots int
	// Defragmenting means that the member is being defragmented now, at any client's request.
	Defragmenting bool
	// Quota in bytes; 0 means that the member does not show it.
	Quota int64
	// LeaderChanges are those that the member saw since its start; below 0: it does not show them.
	LeaderChanges float64
	// Sync is how long its disk took, since its start, to make entries of the log durable; without counts where it does not show that.
	Sync Durations
	// Expires is when the certificate expires that the member showed; zero if it showed none.
	Expires time.Time
}

// Durations is a cumulative histogram in seconds.
type Durations struct {
	Count   uint64
	Sum     float64
	Buckets map[float64]uint64 // by their upper bounds, which are finite
}

// maxMetrics is how many bytes of a member's metrics are read at most.
const maxMetrics = 8 << 20

// Gauges reads the metrics that a member serves beside its data. After an error nothing is known. This client may not be allowed
// to read metrics, so nothing may depend on them.
func (c *Cluster) Gauges(ctx context.Context, m Member) (Gauges, error) {
	ctx, cancel := context.WithTimeout(ctx, c.pool.CallTimeout())
	defer cancel()
	g, err := c.gauges(ctx, m.Endpoint+"/metrics")
	if err != nil {
		return Gauges{}, fmt.Errorf("read metrics of %s: %w", m.Name, err)
	}
	return g, nil
}

func (c *Cluster) gauges(ctx context.Context, url string) (Gauges, error) {
	// A separate connection for each call leaves none behind, and uses the certificate as it is now.
	transport := &http.Transport{DisableKeepAlives: true}
	if strings.HasPrefix(url, "https://") {
		cfg, err := c.pool.TLS()
		if err != nil {
			return Gauges{}, err
		}
		transport.TLSClientConfig = cfg
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Gauges{}, err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return Gauges{}, err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if resp.StatusCode != http.StatusOK {
		return Gauges{}, fmt.Errorf("it answers %s", resp.Status)
	}
	g, err := parseGauges(io.LimitReader(resp.Body, maxMetrics))
	if resp.TLS != nil {
		g.Expires = resp.TLS.PeerCertificates[0].NotAfter
	}
	return g, err
}

// Expiry is when the certificates expire with which this client asks.
func (c *Cluster) Expiry() (connection.Expiry, error) { return c.pool.Expiry() }

// parseGauges reads the text format of Prometheus: a line for each sample, its value last. etcd shows its count of snapshots from its
// start on, so a text without it is not from an etcd.
func parseGauges(text io.Reader) (Gauges, error) {
	g := Gauges{LeaderChanges: -1}
	told := false
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue // not one of the samples that we read, which are plain numbers
		}
		snapshot := strings.Contains(name, `grpc_method="Snapshot"`) && strings.Contains(name, `grpc_service="etcdserverpb.Maintenance"`)
		switch {
		case snapshot && strings.HasPrefix(name, "grpc_server_started_total{"):
			g.OpenSnapshots += int(n)
			told = true
		case snapshot && strings.HasPrefix(name, "grpc_server_handled_total{"):
			g.OpenSnapshots -= int(n)
		case name == "etcd_disk_defrag_inflight":
			g.Defragmenting = n > 0
		case name == "etcd_server_quota_backend_bytes":
			g.Quota = int64(n)
		case name == "etcd_server_leader_changes_seen_total":
			g.LeaderChanges = n
		case strings.HasPrefix(name, walSync):
			g.Sync.take(strings.TrimPrefix(name, walSync), n)
		}
	}
	if lines.Err() == nil && !told {
		return g, errors.New("the server there shows no count of snapshots")
	}
	return g, lines.Err()
}

// walSync is the histogram of what a member's disk takes to make entries of the log durable.
const walSync = "etcd_disk_wal_fsync_duration_seconds"

// mostBuckets is far more than any etcd has.
const mostBuckets = 64

// take reads one sample of a histogram; rest is what follows the histogram's name.
func (d *Durations) take(rest string, value float64) {
	switch {
	case rest == "_count":
		d.Count = uint64(max(value, 0))
	case rest == "_sum":
		d.Sum = value
	case strings.HasPrefix(rest, `_bucket{le="`):
		bound, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimPrefix(rest, `_bucket{le="`), `"}`), 64)
		if err != nil || math.IsInf(bound, 0) || math.IsNaN(bound) || len(d.Buckets) >= mostBuckets {
			return // the last bucket, which the count repeats, or none of etcd's
		}
		if d.Buckets == nil {
			d.Buckets = map[float64]uint64{}
		}
		d.Buckets[bound] = uint64(max(value, 0))
	}
}
