package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/pflag"

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
	"github.com/etcdward/etcdward/storage/gcs"
	"github.com/etcdward/etcdward/storage/s3"
)

// house is all parts, put together as one configuration says. Only what a verb asks for is opened.
type house struct {
	config   *config.Config
	log      *slog.Logger
	progress agent.Progress
	stateDir string
	stores   []agent.Store
	buckets  map[string]*storage.Bounded
	close    []func() error

	connecting sync.Mutex
	connected  *etcd.Cluster
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
	h := &house{config: cfg, log: log, stateDir: inv.stateDir, buckets: map[string]*storage.Bounded{}}
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
	bucket := storage.NewBounded(storage.NewLazy(func(ctx context.Context) (storage.Bucket, error) { return openBucket(ctx, s) }))
	h.close = append(h.close, bucket.Close)
	h.buckets[s.Name] = bucket
	cat, err := catalog.New(bucket, h.config.Cluster.Name)
	if err != nil {
		return err
	}
	keep := h.config.RetentionOf(s)
	h.stores = append(h.stores, agent.Store{Name: s.Name, Catalog: cat, Log: h.log, Retention: retention.Policy{
		KeepWithin: keep.KeepWithin, KeepLast: keep.KeepLast, KeepDaily: keep.KeepDaily, KeepWeekly: keep.KeepWeekly,
		KeepMonthly: keep.KeepMonthly, Location: h.config.TimeZone.Location,
	}})
	return nil
}

// openBucket is the one place that knows all providers.
func openBucket(ctx context.Context, s config.Store) (storage.Bucket, error) {
	switch {
	case s.S3 != nil:
		file, err := secretFile(s.S3.CredentialsFile)
		if err != nil {
			return nil, err
		}
		return s3.Open(ctx, s3.Options{Bucket: s.S3.Bucket, Prefix: s.S3.Prefix, Region: s.S3.Region, Endpoint: s.S3.Endpoint,
			PathStyle: s.S3.PathStyle, Checksums: s.S3.Checksums, StorageClass: s.S3.StorageClass, KMSKeyID: s.S3.KMSKeyID,
			Lock: s.S3.Lock, LockDays: s.S3.LockDays, CredentialsFile: file})
	case s.GCS != nil:
		file, err := secretFile(s.GCS.CredentialsFile)
		if err != nil {
			return nil, err
		}
		return gcs.Open(ctx, gcs.Options{Bucket: s.GCS.Bucket, Prefix: s.GCS.Prefix, Endpoint: s.GCS.Endpoint, CredentialsFile: file})
	}
	return directory.Open(s.Directory.Path)
}

// cluster connects to etcd, once.
func (h *house) cluster() (*etcd.Cluster, error) {
	h.connecting.Lock()
	defer h.connecting.Unlock()
	if h.connected != nil {
		return h.connected, nil
	}
	c := h.config.Cluster
	o := etcd.Options{Endpoints: c.Endpoints, Username: c.Username}
	for _, f := range []struct {
		to   *string
		from config.File
	}{{&o.CAFile, c.CAFile}, {&o.CertFile, c.CertFile}, {&o.KeyFile, c.KeyFile}, {&o.PasswordFile, c.PasswordFile}} {
		path, err := secretFile(f.from)
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
	h.connected = cluster
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

// cleanUp removes what earlier processes of this host left here when they were killed, and finishes the prunes that they had begun.
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
	if removed > 0 {
		h.log.Info("leftovers removed", "files", removed)
	}
	return nil
}

// sweepStores removes what cut uploads of this host left in the stores. One that is away is swept another time.
func (h *house) sweepStores(ctx context.Context) {
	var sweeping sync.WaitGroup
	for name, bucket := range h.buckets {
		sweeping.Go(func() {
			n, err := h.sweepStore(ctx, bucket)
			switch {
			case ctx.Err() != nil:
			case errors.Is(err, storage.ErrDenied):
				h.log.Debug("store not swept", "store", name, "error", err) // whoever writes there may, and does
			case err != nil:
				h.log.Warn("store not swept", "store", name, "error", err)
			case n > 0:
				h.log.Info("leftovers removed", "store", name, "files", n)
			}
		})
	}
	sweeping.Wait()
}

// pruner prunes one store. live is the etcd cluster id, hex, of the cluster that answers; "": none does.
func (h *house) pruner(store agent.Store, live string) (*agent.Pruner, error) {
	removals, err := h.removals()
	if err != nil {
		return nil, err
	}
	return &agent.Pruner{Store: store, Live: live, Removals: removals, Log: h.log}, nil
}

// removals are the notes of what prune is about to remove.
func (h *house) removals() (agent.Removals, error) {
	area, err := staging.Open(filepath.Join(h.stateDir, "removals"))
	return agent.Removals{Area: area}, err
}

// sweepStore removes what cut uploads left in a store, where its provider leaves anything.
func (h *house) sweepStore(ctx context.Context, bucket *storage.Bounded) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return bucket.Sweep(ctx, "v1/"+h.config.Cluster.Name+"/")
}

// selection is which stores a verb reads, and as of when. Its flags are --store and --at.
type selection struct{ store, at string }

// flags adds the flags of a selection to a verb.
func (sel *selection) flags(set *pflag.FlagSet) {
	set.StringVar(&sel.store, "store", "", "look in this store only")
	set.StringVar(&sel.at, "at", "", "read versioned stores as they were at this time (RFC 3339, or a duration ago such as 26h)")
}

// stores gives the stores of a selection.
func (h *house) selected(sel selection) ([]agent.Store, error) {
	stores := h.stores
	if sel.store != "" {
		i := slices.IndexFunc(stores, func(s agent.Store) bool { return s.Name == sel.store })
		if i < 0 {
			return nil, &usageError{fmt.Errorf("flag --store: no store is called %q", sel.store)}
		}
		stores = stores[i : i+1]
	}
	if sel.at == "" {
		return stores, nil
	}
	at, err := pointInTime(sel.at, time.Now())
	if err != nil {
		return nil, &usageError{fmt.Errorf("flag --at: %w", err)}
	}
	past := slices.Clone(stores)
	for i, s := range past {
		past[i].Catalog = s.Catalog.AsOf(storage.NewAsOf(h.buckets[s.Name], at))
	}
	return past, nil
}

// pointInTime reads a time, or how long ago it was.
func pointInTime(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("%q is neither a time such as 2026-11-22T10:00:00Z nor a duration such as 26h", text)
	}
	return at, nil
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
