package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/wire"
	"github.com/etcdward/etcdward/cmd/etcdward/terminal"
	"github.com/etcdward/etcdward/storage"
)

const (
	tryClusterLimit = 30 * time.Second
	tryStoreLimit   = time.Minute
)

// setupCheck is one thing that was tried.
type setupCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// tried is what did not work. Nothing was written.
type tried struct{ error }

func (t tried) Unwrap() error { return t.error }

// Hint implements hinter.
func (t tried) Hint() string {
	var hint string
	switch {
	case errors.Is(t.error, etcd.ErrUnreachable), errors.Is(t.error, errNoQuorum):
		hint = "see that etcd runs and that these are its certificates"
	case errors.Is(t.error, catalog.ErrOtherCluster):
		return "give this cluster another --name; if it is the same one, rebuilt or restored, repeat with --no-check and take the first snapshot with etcdward snapshot --accept-new-cluster"
	default:
		hint = hintFor(t.error)
	}
	if hint == "" {
		hint = "correct it"
	}
	return hint + "; --no-check writes without trying"
}

// try asks the cluster and every store. The error joins all that does not work.
func (s *setup) try(ctx context.Context, p plan) error {
	id, detail, err := s.tryCluster(ctx, p)
	err = s.note("cluster", detail, err)
	for _, store := range p.cfg.Stores {
		detail, failed := s.tryStore(ctx, store, p, id)
		err = errors.Join(err, s.note("store "+store.Name, detail, failed))
	}
	if err != nil {
		return tried{fmt.Errorf("nothing was written: %w", err)}
	}
	return nil
}

// note shows what came of a trial.
func (s *setup) note(name, detail string, err error) error {
	check := setupCheck{Name: name, OK: err == nil, Detail: detail}
	switch {
	case errors.Is(err, errUntried):
		check.OK, check.Detail = true, err.Error()
		err = nil
	case err != nil:
		check.Detail = err.Error()
		err = fmt.Errorf("%s: %w", name, err)
	}
	s.outcome.Checks = append(s.outcome.Checks, check)
	s.printCheck(check)
	return err
}

// errNoQuorum means that too few members answer, or that they do not agree on a leader.
var errNoQuorum = errors.New("no quorum")

// tryCluster asks for the members, and gives the id of the cluster.
func (s *setup) tryCluster(ctx context.Context, p plan) (id, detail string, err error) {
	c := p.cfg.Cluster
	o := etcd.Options{Endpoints: c.Endpoints, Username: c.Username}
	for _, f := range []struct {
		to   *string
		from config.File
	}{{&o.CAFile, c.CAFile}, {&o.CertFile, c.CertFile}, {&o.KeyFile, c.KeyFile}, {&o.PasswordFile, c.PasswordFile}} {
		if *f.to, err = s.file(f.from, p.sources); err != nil {
			return "", "", err
		}
	}
	cluster, err := etcd.New(o)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, tryClusterLimit)
	defer cancel()
	survey, err := cluster.Survey(ctx)
	if err != nil {
		return "", "", err
	}
	s.outcome.Members = membersOf(survey)
	detail, err = describe(survey)
	return etcd.HexID(survey.ClusterID), detail, err
}

// describe says how a cluster fares.
func describe(survey etcd.Survey) (string, error) {
	var versions, leader, silent []string
	for _, m := range survey.Members {
		if m.Err != nil {
			silent = append(silent, fmt.Sprintf("%s: %v", m.Name, m.Err))
			continue
		}
		if m.ID == survey.Leader {
			leader = append(leader, m.Name)
		}
		if !slices.Contains(versions, m.Version) {
			versions = append(versions, m.Version)
		}
	}
	n := len(survey.Members)
	if !survey.Quorum() {
		return "", fmt.Errorf("%w: %d of %d members answer and agree on no leader (%s)", errNoQuorum, n-len(silent), n, strings.Join(silent, "; "))
	}
	detail := fmt.Sprintf("%d of %s answer, leader %s, etcd %s", n-len(silent), terminal.Count(n, "member"), strings.Join(leader, ""), strings.Join(versions, ", "))
	if len(silent) > 0 {
		detail += "; silent: " + strings.Join(silent, "; ")
	}
	return detail, nil
}

// tryStore sees whose backups are there, and writes, reads and removes a canary.
func (s *setup) tryStore(ctx context.Context, store config.Store, p plan, clusterID string) (detail string, err error) {
	ctx, cancel := context.WithTimeout(ctx, tryStoreLimit)
	defer cancel()
	store, err = s.seenFromHere(store, p.sources)
	if err != nil {
		return "", err
	}
	look := func() error {
		bucket := storage.NewLazy(func(ctx context.Context) (storage.Bucket, error) { return wire.OpenBucket(ctx, store) })
		detail, err = tryBucket(ctx, bucket, p.cfg.Cluster.Name, clusterID, s.now())
		return errors.Join(err, bucket.Close())
	}
	user, found := s.daemonUser()
	if store.Directory == nil || !found {
		err = look()
		return detail, err
	}
	if err = asUser(user, look); errors.Is(err, storage.ErrDenied) || errors.Is(err, fs.ErrPermission) {
		err = notItsOwn(err, store.Directory.Path)
	}
	return detail + ", as the user etcdward", err
}

// notItsOwn has the way out of a folder that the agent may not use; files of an earlier owner in it count as much.
func notItsOwn(err error, folder string) error {
	return fault.WithHint(fmt.Errorf("%w: the agent runs as the user etcdward, and the folder has to be its own with all that is in it", err),
		"chown -R etcdward: "+shellWord(folder))
}

// seenFromHere is a store with its files where this process finds them.
func (s *setup) seenFromHere(store config.Store, sources map[string]string) (config.Store, error) {
	switch {
	case store.S3 != nil:
		here := *store.S3
		path, err := s.file(here.CredentialsFile, sources)
		here.CredentialsFile = config.File(path)
		store.S3 = &here
		return store, err
	case store.GCS != nil:
		here := *store.GCS
		path, err := s.file(here.CredentialsFile, sources)
		here.CredentialsFile = config.File(path)
		store.GCS = &here
		return store, err
	}
	path := s.at(store.Directory.Path)
	store.Directory = &config.Directory{Path: path}
	if s.root == "/" {
		return store, nil
	}
	// A trial writes, too. Of a folder that is not there the store itself says what to do.
	folder, err := openFolder(s.root, path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return store, nil
	}
	if err != nil {
		return store, err
	}
	return store, folder.Close()
}

// tryBucket tries a bucket for the cluster of a name. clusterID is "" where the cluster did not answer.
func tryBucket(ctx context.Context, bucket storage.Bucket, cluster, clusterID string, now time.Time) (string, error) {
	home, err := catalog.New(bucket, cluster)
	if err != nil {
		return "", err
	}
	ids, err := home.ClusterIDs(ctx)
	if err != nil {
		return "", err
	}
	if len(ids) > 0 && clusterID != "" && !slices.Contains(ids, clusterID) {
		return "", fmt.Errorf("v1/%s/ and etcd cluster %s: %w (%s)", cluster, clusterID, catalog.ErrOtherCluster, strings.Join(ids, ", "))
	}
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	// No catalog takes this key for part of a snapshot.
	key := fmt.Sprintf("v1/%s/canary/%s-%x", cluster, now.Format("20060102T150405Z"), random)
	body := "etcdward setup wrote this to try the store: " + key + ". It may be removed.\n"
	obj, err := bucket.Put(ctx, storage.Upload{Key: key, Body: strings.NewReader(body), Size: int64(len(body)), SHA256: sha256.Sum256([]byte(body))})
	if err != nil {
		return "", err
	}
	if err := compareCanary(ctx, bucket, obj, body); err != nil {
		return "", err
	}
	switch err := bucket.Delete(ctx, obj); {
	case errors.Is(err, storage.ErrDenied), errors.Is(err, storage.ErrLocked):
		return "written and read; what is written may not be removed, which is as well: " + key + " stays", nil
	case err != nil:
		return "", err
	}
	return "written, read and removed", nil
}

func compareCanary(ctx context.Context, bucket storage.Bucket, obj storage.Object, want string) (err error) {
	body, err := bucket.Open(ctx, obj)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	got, err := io.ReadAll(io.LimitReader(body, int64(len(want))+1))
	if err == nil && string(got) != want {
		err = fmt.Errorf("read %s: it holds %d bytes (%s…) and not what was written", obj.Key, len(got), hex.EncodeToString(got[:min(8, len(got))]))
	}
	return err
}
