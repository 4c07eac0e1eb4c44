package cluster

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	writers        = 32  // etcd commits waiting writes together, so many writers finish a fill sooner
	eventsPerLease = 500 // kube-apiserver lets events share leases, too
	eventTTL       = 3600
)

// FillKubernetes writes n objects as kube-apiserver does: one transaction each,
// below /registry/{pods,configmaps,secrets,leases,events}/team-N/, of the sizes
// met in practice. Every third is then updated and every tenth deleted; events
// hang on leases of an hour. Afterwards n - n/10 of them live. The content
// depends on n alone, the order of revisions does not.
func (c *Cluster) FillKubernetes(t testing.TB, n int) {
	t.Helper()
	cli := c.client(t, c.Endpoints()...)
	defer func() { _ = cli.Close() }()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)

	leases := make([]clientv3.LeaseID, n/eventsPerLease+1)
	for i := range leases {
		granted, err := cli.Grant(ctx, eventTTL)
		if err != nil {
			t.Fatalf("cluster: fill: grant lease: %v", err)
		}
		leases[i] = granted.ID
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(writers, n) {
		wg.Go(func() {
			for i := range next {
				if err := writeObject(ctx, cli, i, leases[i/eventsPerLease]); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		t.Fatalf("cluster: fill: %v", err)
	}
}

// writeObject creates object i, and updates and deletes it as FillKubernetes says.
func writeObject(ctx context.Context, cli *clientv3.Client, i int, lease clientv3.LeaseID) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	o := newObject(i)
	var opts []clientv3.OpOption
	if o.kind == "events" {
		opts = append(opts, clientv3.WithLease(lease))
	}
	created, err := cli.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(o.key), "=", 0)).
		Then(clientv3.OpPut(o.key, o.value(), opts...)).
		Commit()
	if err != nil {
		return fmt.Errorf("create %s: %w", o.key, err)
	}
	// If the object already exists, this is a second fill, so update it.
	revision := created.Header.Revision
	if i%3 == 0 || !created.Succeeded {
		updated, err := cli.Put(ctx, o.key, o.value(), opts...)
		if err != nil {
			return fmt.Errorf("update %s: %w", o.key, err)
		}
		revision = updated.Header.Revision
	}
	if i%10 != 9 {
		return nil
	}
	if _, err := cli.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(o.key), "=", revision)).
		Then(clientv3.OpDelete(o.key)).
		Commit(); err != nil {
		return fmt.Errorf("delete %s: %w", o.key, err)
	}
	return nil
}

// object is one Kubernetes object.
type object struct {
	kind, key string
	size      int // of the value, in bytes
	rand      *rand.Rand
}

func newObject(i int) object {
	o := object{rand: rand.New(rand.NewPCG(uint64(i), 1))}
	size := func(low, high int) int { return low + o.rand.IntN(high-low) }
	switch share := i % 20; {
	case share < 8:
		o.kind, o.size = "events", size(600, 1200)
	case share < 13:
		o.kind, o.size = "pods", size(2500, 9000)
	case share < 16:
		o.kind, o.size = "configmaps", size(300, 6000)
	case share < 18:
		o.kind, o.size = "secrets", size(900, 4000)
	default:
		o.kind, o.size = "leases", size(280, 420)
	}
	o.key = fmt.Sprintf("/registry/%s/team-%d/%s-%06d", o.kind, i%37, o.kind, i)
	return o
}

// value is about two thirds field names, which compress well, and one third identifiers, which do not.
// Together they compress like the database of a real cluster.
func (o object) value() string {
	var b strings.Builder
	fmt.Fprintf(&b, "k8s\x00\n%s\x12", o.key)
	for b.Len() < o.size {
		if o.kind == "secrets" {
			b.WriteString(o.identifier(48))
			continue
		}
		fmt.Fprintf(&b, "app.kubernetes.io/name\x12metadata.ownerReferences\x1aspec.containers\x22%s\n", o.identifier(24))
	}
	fmt.Fprintf(&b, "f:lastTransitionTime %s", time.Unix(1_700_000_000+o.rand.Int64N(1e6), 0).UTC().Format(time.RFC3339))
	return b.String()
}

func (o object) identifier(bytes int) string {
	raw := make([]byte, bytes)
	for i := range raw {
		raw[i] = byte(o.rand.Uint32())
	}
	return base64.RawStdEncoding.EncodeToString(raw)
}
