package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/etcdward/etcdward/agent"
	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/retention"
	"github.com/etcdward/etcdward/agent/seal"
	"github.com/etcdward/etcdward/agent/spool"
	"github.com/etcdward/etcdward/agent/staging"
	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/directory"
)

// house is all parts, put together as one configuration says. Only what a verb asks for is opened.
type house struct {
	config   *config.Config
	log      *slog.Logger
	progress agent.Progress
	stateDir string
	stores   []agent.Store
	buckets  map[string]*storage.Lazy
	close    []func() error
}

// build reads the configuration and makes the stores ready.
func (inv *invocation) build() (*house, error) {
	cfg, err := inv.loadConfig()
	if err != nil {
		return nil, err
	}
	log, err := newLogger(inv.err, cfg.Log)
	if err != nil {
		return nil, err
	}
	h := &house{config: cfg, log: log, stateDir: inv.stateDir, buckets: map[string]*storage.Lazy{}}
	show, done := inv.newProgress()
	h.progress = show
	h.close = append(h.close, func() error { done(); return nil })
	for _, s := range cfg.Stores {
		if err := h.addStore(s); err != nil {
			return nil, errors.Join(fmt.Errorf("store %s: %w", s.Name, err), h.Close())
		}
	}
	return h, nil
}

// loadConfig reads the configuration file; every error of it is a configError.
func (inv *invocation) loadConfig() (*config.Config, error) {
	cfg, err := config.Load(inv.config)
	if err != nil {
		return nil, &configError{err}
	}
	return cfg, nil
}

// addStore makes one store ready; it is opened when it is first used.
func (h *house) addStore(s config.Store) error {
	bucket := storage.NewLazy(func(ctx context.Context) (storage.Bucket, error) { return openBucket(ctx, s) })
	h.close = append(h.close, bucket.Close)
	h.buckets[s.Name] = bucket
	cat, err := catalog.New(bucket, h.config.Cluster.Name)
	if err != nil {
		return err
	}
	keep := h.config.RetentionOf(s)
	h.stores = append(h.stores, agent.Store{Name: s.Name, Catalog: cat, Retention: retention.Policy{
		KeepWithin: keep.KeepWithin, KeepLast: keep.KeepLast, KeepDaily: keep.KeepDaily, KeepWeekly: keep.KeepWeekly,
		KeepMonthly: keep.KeepMonthly, Location: h.config.TimeZone.Location,
	}})
	return nil
}

// openBucket is the one place that knows all providers.
func openBucket(_ context.Context, s config.Store) (storage.Bucket, error) {
	if s.Directory != nil {
		return directory.Open(s.Directory.Path)
	}
	return nil, fmt.Errorf("stores of the kind %s are not part of this version", s.Kind())
}

// cluster connects to etcd.
func (h *house) cluster() (*etcd.Cluster, error) {
	c := h.config.Cluster
	o := etcd.Options{Endpoints: c.Endpoints, Username: c.Username}
	for _, f := range []struct {
		to   *string
		from config.File
	}{{&o.CAFile, c.CAFile}, {&o.CertFile, c.CertFile}, {&o.KeyFile, c.KeyFile}, {&o.PasswordFile, c.PasswordFile}} {
		path, err := f.from.Path(os.Getenv("CREDENTIALS_DIRECTORY"))
		if err != nil {
			return nil, err
		}
		*f.to = path
	}
	cluster, err := etcd.New(o)
	if err != nil {
		return nil, err
	}
	h.close = append(h.close, cluster.Close)
	return cluster, nil
}

// staging opens the folder for files in the making.
func (h *house) staging() (*staging.Area, error) {
	return staging.Open(filepath.Join(h.stateDir, "staging"))
}

// spoolPath is where verified snapshots wait for their stores.
func (h *house) spoolPath() string { return filepath.Join(h.stateDir, "spool") }

// courier delivers what waits in the spool.
func (h *house) courier(accept bool) (*agent.Courier, error) {
	area, err := staging.Open(h.spoolPath())
	if err != nil {
		return nil, err
	}
	return &agent.Courier{Spool: spool.Open(area, int64(h.config.Snapshot.SpoolLimit)), Stores: h.stores,
		AcceptNewCluster: accept, Log: h.log, Progress: h.progress}, nil
}

// snapshotter takes snapshots of the cluster.
func (h *house) snapshotter(accept bool) (*agent.Snapshotter, error) {
	cluster, err := h.cluster()
	if err != nil {
		return nil, err
	}
	area, err := h.staging()
	if err != nil {
		return nil, err
	}
	courier, err := h.courier(accept)
	if err != nil {
		return nil, err
	}
	sealer, err := seal.New(h.config.Snapshot.Compression, h.config.Snapshot.Recipients)
	if err != nil {
		return nil, &configError{err}
	}
	return &agent.Snapshotter{Cluster: cluster, ClusterName: h.config.Cluster.Name, Policy: h.config.Snapshot.Source,
		Staging: area, Spool: courier.Spool, Sealer: sealer, Stores: h.stores, Courier: courier,
		AcceptNewCluster: accept, Tool: tool(), Log: h.log, Progress: h.progress}, nil
}

// verifier checks snapshots, with the identities in a file, if any.
func (h *house) verifier(identity string) (*agent.Verifier, error) {
	area, err := h.staging()
	if err != nil {
		return nil, err
	}
	keys, err := identities(identity)
	if err != nil {
		return nil, err
	}
	return &agent.Verifier{Staging: area, Identities: keys, Tool: tool(), Log: h.log, Progress: h.progress}, nil
}

func identities(path string) (seal.Identities, error) {
	if path == "" {
		return seal.Identities{}, nil
	}
	return seal.ReadIdentities(path)
}

// cleanUp removes what earlier processes of this host left when they were killed: files in the making, here and in
// directory stores.
func (h *house) cleanUp(ctx context.Context) error {
	area, err := h.staging()
	if err != nil {
		return err
	}
	courier, err := h.courier(false)
	if err != nil {
		return err
	}
	staged, err := area.Sweep(ctx)
	if err != nil {
		return err
	}
	spooled, err := courier.Spool.Sweep(ctx)
	if err != nil {
		return err
	}
	removed := staged + spooled
	removals, err := h.removals()
	if err != nil {
		return err
	}
	finished, err := removals.Finish(ctx, h.stores)
	removed += finished
	if err != nil {
		h.log.Warn("removal not finished", "error", err)
	}
	for name, bucket := range h.buckets {
		n, err := h.sweepStore(ctx, bucket)
		removed += n
		if err != nil {
			h.log.Warn("store not swept", "store", name, "error", err)
		}
	}
	if removed > 0 {
		h.log.Info("leftovers removed", "files", removed)
	}
	return nil
}

// pruner prunes one store.
func (h *house) pruner(store agent.Store) (*agent.Pruner, error) {
	removals, err := h.removals()
	if err != nil {
		return nil, err
	}
	return &agent.Pruner{Store: store, Removals: removals, Log: h.log}, nil
}

// removals are the notes of what prune is about to remove.
func (h *house) removals() (agent.Removals, error) {
	area, err := staging.Open(filepath.Join(h.stateDir, "removals"))
	return agent.Removals{Area: area}, err
}

// sweepStore removes what cut uploads left in a store, where its provider leaves anything.
func (h *house) sweepStore(ctx context.Context, lazy *storage.Lazy) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	bucket, err := lazy.Opened(ctx)
	if err != nil {
		return 0, err
	}
	sweeper, ok := bucket.(storage.Sweeper)
	if !ok {
		return 0, nil
	}
	return sweeper.Sweep(ctx, "v1/"+h.config.Cluster.Name+"/")
}

// storesNamed gives the store of that name, or all for "".
func (h *house) storesNamed(name string) ([]agent.Store, error) {
	if name == "" {
		return h.stores, nil
	}
	for _, s := range h.stores {
		if s.Name == name {
			return []agent.Store{s}, nil
		}
	}
	return nil, &usageError{fmt.Errorf("flag --store: no store is called %q", name)}
}

// Close lets go of everything that was opened, the last first.
func (h *house) Close() error {
	var errs error
	for i := len(h.close) - 1; i >= 0; i-- {
		errs = errors.Join(errs, h.close[i]())
	}
	h.close = nil
	return errs
}

// tool is how manifests name this program.
func tool() string { return "etcdward " + version }
