package restore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestWholeCluster wipes every data directory of a cluster under load, with watches, and brings it back from one plan.
func TestWholeCluster(t *testing.T) {
	for _, version := range cluster.Versions {
		t.Run(version, func(t *testing.T) {
			c := cluster.Start(t, cluster.Options{Version: version, Args: []string{cluster.NoFsync}})
			load := c.Load(t, 50)
			c.FillKubernetes(t, 100)
			c.AwaitStorageVersion(t)
			watch := follow(t, c)
			file := filepath.Join(t.TempDir(), "snapshot.db")
			c.Members[0].Etcdctl(t, "snapshot", "save", file)
			d := draft(t, file, "/nowhere")
			d.Source.EtcdVersion = version + ".0"
			c.FillKubernetes(t, 50) // what is written after the snapshot is lost, and its revisions are not used again
			// As the catalog and a survey have it. The load goes on: what comes after is cleared by the bump's headroom.
			d.HighestRevision = status(t, c.Members[0]).Header.Revision
			d.Members = nil
			for _, m := range c.Members {
				d.Members = append(d.Members, plan.Member{Name: m.Name, PeerURLs: []string{m.PeerURL}, DataDir: m.DataDir})
			}
			p := mustPlan(t, d)
			load.Stop()
			highest := status(t, c.Members[0]).Header.Revision
			for _, m := range c.Members {
				m.Kill()
				if err := os.RemoveAll(m.DataDir); err != nil {
					t.Fatal(err)
				}
			}
			for _, m := range c.Members {
				a := &Applier{Plan: p, Member: m.Name, EtcdVersion: version + ".0", Fetch: func(context.Context) (string, error) { return file, nil }}
				if out, err := a.Run(t.Context()); err != nil || out.Step != place.StepDone {
					t.Fatalf("%s: %+v %v", m.Name, out, err)
				}
			}
			for _, m := range c.Members {
				m.Start()
			}
			want, err := snapshot.Forecast(t.Context(), file, p.RevisionBump)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range c.Members {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				got, err := m.Client(t).HashKV(ctx, m.ClientURL, want.Revision)
				cancel()
				if err != nil || got.Hash != want.Hash || got.CompactRevision != want.Revision || got.Header.Revision <= highest {
					t.Errorf("%s: %v: %+v, want %+v above revision %d", m.Name, err, got, want, highest)
				}
			}
			if err := <-watch; !errors.Is(err, rpctypes.ErrCompacted) {
				t.Errorf("a watch from before ends with %v", err)
			}
		})
	}
}

// follow watches until the watch ends, through whatever happens to the cluster, and gives what ended it.
func follow(t *testing.T, c *cluster.Cluster) <-chan error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	ended, events := make(chan error, 1), c.Client(t).Watch(ctx, "/registry/", clientv3.WithPrefix())
	go func() {
		var last error
		seen := 0
		for e := range events {
			seen, last = seen+len(e.Events), e.Err()
		}
		if seen == 0 {
			last = errors.New("it saw nothing of the load")
		}
		ended <- last
	}()
	return ended
}

func status(t *testing.T, m *cluster.Member) *clientv3.StatusResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := m.Client(t).Status(ctx, m.ClientURL)
	if err != nil {
		t.Fatal(fmt.Errorf("status: %w", err))
	}
	return s
}
