package trial

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
	"github.com/etcdward/etcdward/storage"
)

// Home is what is to be kept in a store: the backups of a cluster.
type Home struct {
	// Cluster is the name of the cluster, and of its home in the store.
	Cluster string
	// ID of the etcd cluster, hex; "": the cluster did not answer.
	ID string
}

// Store opens a bucket, finds out whose backups are in it, and then writes, reads and removes a small object, which a second write must not
// replace. detail describes in a line what was
// done. The error wraps catalog.ErrOtherCluster if the home belongs to another cluster; then nothing was written.
func Store(ctx context.Context, bucket *storage.Lazy, home Home, now time.Time) (detail string, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	if _, err := bucket.Opened(ctx); err != nil {
		return "", err
	}
	if err := ours(ctx, bucket, home); err != nil {
		return "", err
	}
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	// No catalog takes this key for part of a snapshot.
	key := fmt.Sprintf("v1/%s/canary/%s-%x", home.Cluster, now.UTC().Format("20060102T150405Z"), random)
	body := "etcdward setup wrote this to try the store: " + key + ". It may be removed.\n"
	obj, err := bucket.Put(ctx, upload(key, body))
	if err != nil {
		return "", err
	}
	if err := compare(ctx, bucket, obj, body); err != nil {
		return "", err
	}
	written := []storage.Object{obj}
	// Everything rests on writes that create and never overwrite.
	second, err := bucket.Put(ctx, upload(key, "a second write of "+body))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("try whether the store overwrites: %w", err)
	}
	warning := ""
	if err == nil {
		written = append(written, second)
		warning = "; BUT it lets a second write replace the first, so every commit there is read back: prefer a store that honours If-None-Match"
	}
	for _, obj := range written {
		switch err := bucket.Delete(ctx, obj); {
		case errors.Is(err, storage.ErrDenied), errors.Is(err, storage.ErrLocked):
			return "written and read; these credentials may not remove it, which protects the backups: " + key + " stays" + warning, nil
		case err != nil:
			return "", err
		}
	}
	return "written, read and removed" + warning, nil
}

func upload(key, body string) storage.Upload {
	return storage.Upload{Key: key, Body: strings.NewReader(body), Size: int64(len(body)), SHA256: sha256.Sum256([]byte(body))}
}

// ours refuses a home that has backups of another etcd cluster.
func ours(ctx context.Context, bucket storage.Bucket, home Home) error {
	cat, err := catalog.New(bucket, home.Cluster)
	if err != nil {
		return err
	}
	ids, err := cat.ClusterIDs(ctx)
	if err != nil {
		return err
	}
	if len(ids) > 0 && home.ID != "" && !slices.Contains(ids, home.ID) {
		return fmt.Errorf("v1/%s/ and etcd cluster %s: %w (%s)", home.Cluster, home.ID, catalog.ErrOtherCluster, strings.Join(ids, ", "))
	}
	return nil
}

func compare(ctx context.Context, bucket storage.Bucket, obj storage.Object, want string) (err error) {
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
