package scratch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/mvcc"

	"github.com/etcdward/etcdward/agent/census"
	"github.com/etcdward/etcdward/agent/child"
)

// Reading is what an etcd that runs on a data directory answered.
type Reading struct {
	// Revision is the one that was asked for, and CompactRevision the one that the member had then.
	Revision        int64 `json:"revision"`
	CompactRevision int64 `json:"compact_revision"`
	// Keys is how many keys exist at Revision, each of which was read. Bytes is the size of their values.
	Keys  int64 `json:"keys"`
	Bytes int64 `json:"bytes"`
	// Hash is HashKV at Revision.
	Hash uint32 `json:"hash"`
	// Boot and Read are how long it took until the etcd was ready, and to read and hash everything.
	Boot time.Duration `json:"boot"`
	Read time.Duration `json:"read"`
	// Census is what the keys are.
	Census census.Census `json:"census"`
}

// readSpec holds the orders to the child.
type readSpec struct {
	DataDir  string `json:"data_dir"`
	Name     string `json:"name"`
	Revision int64  `json:"revision"`
	LogFile  string `json:"log_file"`
	Gentle   bool   `json:"gentle"`
}

// Options say how a directory is read.
type Options struct {
	// Gentle makes the child give way to every other process of the host.
	Gentle bool
}

// Read boots an etcd on the data directory of the named member, makes it the only member, reads every key at the
// revision, and hashes them. The directory must be a copy, since this spoils it. An error means that there is no answer,
// because the directory does not boot, the revision does not exist, or ctx ended; it carries the end of etcd's log.
//
// The child keeps the given files open until the etcd has ended, and keeps their locks, even if this process is killed
// earlier.
func Read(ctx context.Context, dataDir, name string, revision int64, o Options, held ...*os.File) (Reading, error) {
	spec := readSpec{DataDir: dataDir, Name: name, Revision: revision, LogFile: dataDir + ".log", Gentle: o.Gentle}
	argument, err := json.Marshal(spec)
	if err != nil {
		return Reading{}, fmt.Errorf("read %s: %w", dataDir, err)
	}
	defer func() { _ = os.Remove(spec.LogFile) }() // etcd may not have written one
	said, err := reading.Run(ctx, []string{string(argument)}, held...)
	var death *child.Death
	switch {
	case errors.As(err, &death):
		return Reading{}, fmt.Errorf("boot etcd on %s: %w %s", dataDir, err, lastOf(spec.LogFile))
	case err != nil:
		return Reading{}, fmt.Errorf("read %s: %w", dataDir, err)
	}
	var r Reading
	if err := json.Unmarshal(said, &r); err != nil {
		return r, fmt.Errorf("read %s: the child's answer: %w", dataDir, err)
	}
	return r, nil
}

// maxLogBytes limits how much of a log an error repeats.
const maxLogBytes = 4096

// lastOf returns the end of a log; "" if there is none.
func lastOf(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(text[max(0, len(text)-maxLogBytes):]))
}

// readMain is the child of Read.
func readMain(args []string) error {
	var spec readSpec
	if err := json.Unmarshal([]byte(args[0]), &spec); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(spec.DataDir, "member", "wal")); err != nil {
		return fmt.Errorf("no data directory: %w", err) // etcd would start a new cluster in it
	}
	if spec.Gentle {
		child.GiveWay()
	}
	begun := time.Now()
	server, err := embed.StartEtcd(alone(spec))
	if err != nil {
		return err
	}
	defer server.Close()
	select {
	case <-server.Server.ReadyNotify():
	case <-server.Server.StopNotify():
		return errors.New("etcd stopped before it was ready")
	case err := <-server.Err():
		return err
	}
	ready := time.Now()
	// This reads below the API, because a snapshot carries etcd's own authentication, which would refuse us.
	r, err := readAll(context.Background(), server.Server.KV(), spec.Revision)
	if err != nil {
		return err
	}
	r.Boot, r.Read = ready.Sub(begun), time.Since(ready)
	return json.NewEncoder(os.Stdout).Encode(r)
}

// alone returns the configuration of a member without peers.
func alone(spec readSpec) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir = spec.Name, spec.DataDir
	cfg.ForceNewCluster, cfg.UnsafeNoFsync = true, true
	cfg.TickMs, cfg.ElectionMs = 10, 100
	cfg.Logger, cfg.LogLevel, cfg.LogOutputs = "zap", "warn", []string{spec.LogFile}
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = anyPort, anyPort
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = anyPort, anyPort
	cfg.InitialCluster = spec.Name + "=" + anyPort[0].String()
	return cfg
}

// readPage is how many keys are held in memory at once.
const readPage = 500

// readAll reads every key at a revision, and hashes them.
func readAll(ctx context.Context, kv mvcc.KV, revision int64) (Reading, error) {
	out := Reading{Revision: revision}
	next := []byte{0}
	for {
		page, err := kv.Range(ctx, next, []byte{}, mvcc.RangeOptions{Limit: readPage, Rev: revision})
		if err != nil {
			return out, fmt.Errorf("read keys at revision %d: %w", revision, err)
		}
		for _, pair := range page.KVs {
			out.Keys++
			out.Bytes += int64(len(pair.Value))
			out.Census.Add(pair.Key, pair.Value)
		}
		if len(page.KVs) < readPage {
			break
		}
		next = append(bytes.Clone(page.KVs[len(page.KVs)-1].Key), 0)
	}
	hash, _, err := kv.HashStorage().HashByRev(revision)
	if err != nil {
		return out, fmt.Errorf("hash at revision %d: %w", revision, err)
	}
	out.Hash, out.CompactRevision = hash.Hash, hash.CompactRevision
	return out, nil
}
