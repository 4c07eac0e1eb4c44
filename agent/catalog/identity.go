package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/storage"
)

// ErrOtherCluster means that the home belongs to a cluster with another etcd cluster id. Writing there would let two
// clusters prune each other's backups.
var ErrOtherCluster = errors.New("the store's backups of this name are of another etcd cluster")

// ErrIdentity means that cluster.json, or one beside it, is there and does not say whose the home is: nothing can be
// stored or pruned there.
var ErrIdentity = errors.New("the store does not say whose backups it holds")

// clusterIDForm is how etcd cluster ids are written, hex; identityForm the keys below the home that hold an identity.
var (
	clusterIDForm = regexp.MustCompile(`^[0-9a-f]{1,16}$`)
	identityForm  = regexp.MustCompile(`^cluster(-[0-9a-f]{1,16})?\.json$`)
)

// identity is the content of cluster.json, and of one cluster-ID.json for each
// further cluster id that an operator accepted: objects are created once and never changed.
type identity struct {
	Format    int    `json:"format"`
	Name      string `json:"name"`
	ClusterID string `json:"cluster_id"`
}

// Claim makes sure that the home is that of the etcd cluster with this id (hex). The first to come owns it. accept lets a
// further id in, after a rebuild or a restore.
func (c *Catalog) Claim(ctx context.Context, clusterID string, accept bool) error {
	if !clusterIDForm.MatchString(clusterID) {
		return fmt.Errorf("claim %s: %.20q is no etcd cluster id", c.home, clusterID)
	}
	ids, err := c.ClusterIDs(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(ids, clusterID) {
		return nil
	}
	key := c.home + "cluster.json"
	if len(ids) > 0 {
		if !accept {
			return fmt.Errorf("claim %s for etcd cluster %s: %w (%s)", c.home, clusterID, ErrOtherCluster, strings.Join(ids, ", "))
		}
		key = c.home + "cluster-" + clusterID + ".json"
	}
	body, err := json.Marshal(identity{Format: 1, Name: c.cluster, ClusterID: clusterID})
	if err != nil {
		return fmt.Errorf("claim %s: %w", c.home, err)
	}
	_, err = c.bucket.Put(ctx, upload(key, append(body, '\n')))
	if errors.Is(err, fs.ErrExist) {
		// Another cluster came first, a moment ago.
		return fmt.Errorf("claim %s for etcd cluster %s: %w", c.home, clusterID, ErrOtherCluster)
	}
	if err != nil {
		return fmt.Errorf("claim %s: %w", c.home, err)
	}
	return nil
}

// ClusterIDs are those that the home belongs to, hex; none: nobody has claimed it. An error that wraps ErrIdentity: what
// says so is damaged.
func (c *Catalog) ClusterIDs(ctx context.Context) ([]string, error) {
	var ids []string
	for obj, err := range c.bucket.List(ctx, c.home+"cluster") {
		if err != nil {
			return nil, fmt.Errorf("read the identity of %s: %w", c.home, err)
		}
		if !identityForm.MatchString(strings.TrimPrefix(obj.Key, c.home)) {
			continue
		}
		id, err := c.identity(ctx, obj)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id.ClusterID)
	}
	return ids, nil
}

func (c *Catalog) identity(ctx context.Context, obj storage.Object) (identity, error) {
	var id identity
	body, err := c.read(ctx, obj, 4096)
	if err != nil && !errors.Is(err, snapshot.ErrDamaged) {
		return id, fmt.Errorf("read the identity %s: %w", obj.Key, err)
	}
	if err == nil {
		err = snapshot.DecodeJSON(body, &id)
	}
	if err != nil {
		// Of no snapshot: the cause, which may say so, is told and not wrapped.
		return id, fmt.Errorf("read the identity %s: %w: %s", obj.Key, ErrIdentity, err.Error())
	}
	if id.Format != 1 || id.Name != c.cluster || !clusterIDForm.MatchString(id.ClusterID) {
		return id, fmt.Errorf("read the identity %s: %w: format %d, cluster %.70q, id %.20q is none of this home", obj.Key, ErrIdentity, id.Format, id.Name, id.ClusterID)
	}
	return id, nil
}
