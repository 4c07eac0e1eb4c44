// Package wire puts the parts together according to a configuration. It is the only place that knows all parts. It decides nothing and does no
// work.
//
// Its one invariant: what it returns is complete. If something that the configuration asks for cannot be made, Open or the part that needs it
// returns an error. It never returns a part that fails later because something is missing.
package wire

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/retention"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/agent/stores"
	"github.com/etcdward/etcdward/storage"
)

// Options are what the parts need beside the configuration.
type Options struct {
	// StateDir is the folder for files that must survive a restart.
	StateDir string
	Log      *slog.Logger
	Progress agent.Progress
	// Version of this program, for manifests and proofs.
	Version string
}

// Parts are all parts of one configuration. Buckets and the cluster are opened when they are first used.
type Parts struct {
	Config *config.Config
	Options
	// Stores in the order of the configuration.
	Stores []stores.Store

	buckets map[string]*storage.Bounded

	connecting sync.Mutex
	connected  *etcd.Cluster
	close      []func() error
}

// Open makes the parts of a configuration ready. The caller closes them.
func Open(cfg *config.Config, o Options) (*Parts, error) {
	p := &Parts{Config: cfg, Options: o, buckets: map[string]*storage.Bounded{}}
	for _, s := range cfg.Stores {
		if err := p.addStore(s); err != nil {
			return nil, errors.Join(fmt.Errorf("store %s: %w", s.Name, err), p.Close())
		}
	}
	return p, nil
}

// addStore makes one store ready; its bucket is opened when it is first used.
func (p *Parts) addStore(s config.Store) error {
	// A call whose time is over is left behind, whatever the store does.
	bucket := storage.NewBounded(LazyBucket(s, SecretFile))
	p.close = append(p.close, bucket.Close)
	p.buckets[s.Name] = bucket
	cat, err := catalog.New(bucket, p.Config.Cluster.Name)
	if err != nil {
		return err
	}
	keep := p.Config.RetentionOf(s)
	p.Stores = append(p.Stores, stores.Store{Name: s.Name, Catalog: cat, Log: p.Log, Retention: retention.Policy{
		KeepWithin: keep.KeepWithin, KeepLast: keep.KeepLast, KeepDaily: keep.KeepDaily, KeepWeekly: keep.KeepWeekly,
		KeepMonthly: keep.KeepMonthly, Location: p.Config.TimeZone.Location,
	}})
	return nil
}

// Cluster connects to etcd, once.
func (p *Parts) Cluster() (*etcd.Cluster, error) {
	p.connecting.Lock()
	defer p.connecting.Unlock()
	if p.connected != nil {
		return p.connected, nil
	}
	cluster, err := Connect(p.Config.Cluster, SecretFile)
	if err != nil {
		return nil, err
	}
	p.close = append(p.close, cluster.Close)
	p.connected = cluster
	return cluster, nil
}

// Connect makes a client of the cluster that a configuration names. find returns where this process finds a file of the configuration.
func Connect(c config.Cluster, find func(config.File) (string, error)) (*etcd.Cluster, error) {
	o := etcd.Options{Endpoints: c.Endpoints, Username: c.Username}
	for _, f := range []struct {
		to   *string
		from config.File
	}{{&o.CAFile, c.CAFile}, {&o.CertFile, c.CertFile}, {&o.KeyFile, c.KeyFile}, {&o.PasswordFile, c.PasswordFile}} {
		path, err := find(f.from)
		if err != nil {
			return nil, err
		}
		*f.to = path
	}
	return etcd.New(o)
}

// Staging opens the folder for unfinished files.
func (p *Parts) Staging() (*staging.Area, error) {
	return staging.Open(filepath.Join(p.StateDir, "staging"))
}

// spool opens the folder in which verified snapshots wait for their stores.
func (p *Parts) spool() (*spool.Spool, error) {
	area, err := staging.Open(p.spoolPath())
	if err != nil {
		return nil, err
	}
	return spool.Open(area, int64(p.Config.Snapshot.SpoolLimit)), nil
}

func (p *Parts) spoolPath() string { return filepath.Join(p.StateDir, "spool") }

// StatePath is the file in which the daemon keeps when its jobs last ran.
func (p *Parts) StatePath() string { return filepath.Join(p.StateDir, "schedule.json") }

// tool is how manifests name this program.
func (p *Parts) tool() string { return "etcdward " + p.Version }

// Close closes everything that was opened, the last first.
func (p *Parts) Close() error {
	var errs error
	for i := len(p.close) - 1; i >= 0; i-- {
		errs = errors.Join(errs, p.close[i]())
	}
	p.close = nil
	return errs
}
