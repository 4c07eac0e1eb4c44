package wire

import (
	"context"

	"github.com/etcdward/etcdward/agent/heartbeat"
	"github.com/etcdward/etcdward/agent/metrics"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/storage"
)

// Prober returns what looks at the members for the metrics.
func (p *Parts) Prober() *metrics.Prober {
	return &metrics.Prober{Cluster: p.Cluster, Log: p.Log, SpoolBytes: func() (int64, error) {
		entries, err := spool.Peek(p.spoolPath())
		size := int64(0)
		for _, e := range entries {
			size += e.Manifest.Object.SizeBytes
		}
		return size, err
	}}
}

// StoreProber returns what looks at the settings and the newest proofs of the stores for the metrics.
func (p *Parts) StoreProber() *metrics.StoreProber {
	prober := &metrics.StoreProber{Log: p.Log}
	for _, s := range p.Stores {
		bucket := p.buckets[s.Name]
		prober.Stores = append(prober.Stores, metrics.Source{Name: s.Name, Catalog: s.Catalog,
			Inspect: func(ctx context.Context) (storage.Properties, error) { return bucket.Inspect(ctx) }})
	}
	return prober
}

// Heartbeat returns the sender to heartbeat.url; nil if there is none. counted is as for heartbeat.New.
func (p *Parts) Heartbeat(counted func(kind, result string)) *heartbeat.Sender {
	if p.Config.Heartbeat.URL == "" {
		return nil
	}
	return heartbeat.New(p.Config.Heartbeat.URL, p.Config.Heartbeat.FailureURL, p.Log, counted)
}
