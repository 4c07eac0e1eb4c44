package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/account"
	"github.com/etcdward/etcdward/agent/trial"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/storage"
)

// try tries the cluster and every store. The error joins everything that does not work.
func (s *setup) try(ctx context.Context, p plan) error {
	survey, detail, err := s.tryCluster(ctx, p)
	home := trial.Home{Cluster: p.cfg.Cluster.Name}
	if survey.ClusterID != 0 {
		home.ID = etcd.HexID(survey.ClusterID)
	}
	err = s.tried("cluster", detail, err, survey.Members...)
	for _, store := range p.cfg.Stores {
		detail, failed := s.tryStore(ctx, store, p, home)
		err = errors.Join(err, s.tried("store "+store.Name, detail, failed))
	}
	if err != nil {
		err = fmt.Errorf("nothing was written: %w", err)
		return fault.WithHint(err, s.wayOut(err))
	}
	return nil
}

// tried reports what came of a trial, and returns the error that counts.
func (s *setup) tried(name, detail string, err error, members ...etcd.Member) error {
	check := Check{Name: name, OK: err == nil, Detail: detail}
	switch {
	case errors.Is(err, errUntried):
		check.OK, check.Detail = true, err.Error()
		err = nil
	case err != nil:
		check.Detail = err.Error()
		err = fmt.Errorf("%s: %w", name, err)
	}
	s.report(Tried{check, members})
	return err
}

// wayOut is the hint for what did not work when it was tried.
func (s *setup) wayOut(err error) string {
	hint := "correct it"
	switch {
	case errors.Is(err, etcd.ErrUnreachable), errors.Is(err, trial.ErrNoQuorum):
		hint = "see that etcd runs and that these are its certificates"
	case errors.Is(err, catalog.ErrOtherCluster):
		return "give this cluster another --name; if it is the same one, rebuilt or restored, repeat with --no-check and take the first snapshot with etcdward snapshot --accept-new-cluster"
	default:
		if known := s.advise(err); known != "" {
			hint = known
		}
	}
	return hint + "; --no-check writes without trying"
}

// tryCluster asks the cluster for its members.
func (s *setup) tryCluster(ctx context.Context, p plan) (survey etcd.Survey, detail string, err error) {
	cluster, err := wire.Connect(p.cfg.Cluster, s.fileIn(p.sources))
	if err != nil {
		return etcd.Survey{}, "", err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	return trial.Cluster(ctx, cluster)
}

// tryStore tries a store as far as it can be reached from here: a folder as the user who will write to it.
func (s *setup) tryStore(ctx context.Context, store config.Store, p plan, home trial.Home) (detail string, err error) {
	if store.Directory != nil {
		if store, err = s.folderFromHere(store); err != nil {
			return "", err
		}
	}
	look := func() error {
		bucket := wire.LazyBucket(store, s.fileIn(p.sources))
		detail, err = trial.Store(ctx, bucket, home, s.now())
		return errors.Join(err, bucket.Close())
	}
	user, found := account.Find(s.host)
	if store.Directory == nil || !found {
		err = look()
		return detail, err
	}
	if err = account.As(user, look); errors.Is(err, storage.ErrDenied) || errors.Is(err, fs.ErrPermission) {
		err = notItsOwn(err, store.Directory.Path)
	}
	return detail + ", as the user " + account.Name, err
}

// notItsOwn adds the way out if the agent may not use a folder. Files of an earlier owner in it count as much as the folder.
func notItsOwn(err error, folder string) error {
	return fault.WithHint(fmt.Errorf("%w: the agent runs as the user etcdward, and the folder has to be its own with all that is in it", err),
		"chown -R etcdward: "+ShellWord(folder))
}

// folderFromHere is a store in a folder, which is where this process finds it. A trial writes, so no link may lead out of the root.
func (s *setup) folderFromHere(store config.Store) (config.Store, error) {
	folder := store.Directory.Path
	store.Directory = &config.Directory{Path: s.host.Path(folder)}
	if s.host.Live() {
		return store, nil
	}
	// If there is no such folder, the store itself says what to do.
	if err := s.host.Reach(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return store, err
	}
	return store, nil
}
