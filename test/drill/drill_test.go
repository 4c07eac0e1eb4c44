// Package drill rehearses restores with the real binary, on real clusters of every version.
package drill

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/etcdward/etcdward/agent/drill"
	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/program"
)

// history writes, deletes, rewrites, leases and compacts by chance.
func history(t *testing.T, cli *clientv3.Client, chance *rand.Rand) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lease, err := cli.Grant(ctx, 3600)
	must(err)
	short, err := cli.Grant(ctx, 1) // ends while the drill runs, or before
	must(err)
	var last int64
	for n := range 60 + chance.IntN(200) {
		key := fmt.Sprintf("/registry/configmaps/team-%d/c%d", chance.IntN(3), chance.IntN(40))
		switch chance.IntN(12) {
		case 0, 1:
			_, err = cli.Delete(ctx, key)
		case 2:
			_, err = cli.Delete(ctx, key[:len(key)-1], clientv3.WithPrefix())
		case 3:
			_, err = cli.Put(ctx, key, "leased", clientv3.WithLease(lease.ID))
		case 4:
			if _, err = cli.Put(ctx, key, "short", clientv3.WithLease(short.ID)); err != nil && strings.Contains(err.Error(), "lease not found") {
				err = nil // it has ended
			}
		case 5:
			if last > 2 && chance.IntN(4) == 0 {
				if _, err = cli.Compact(ctx, last-chance.Int64N(last/2+1)); err != nil && strings.Contains(err.Error(), "compacted") {
					err = nil
				}
			}
		default:
			var put *clientv3.PutResponse
			if put, err = cli.Put(ctx, key, strings.Repeat(fmt.Sprint(n), chance.IntN(200))); err == nil {
				last = put.Header.Revision
			}
		}
		must(err)
	}
}

// histories is how many each version gets; `make torture` runs the test several times.
const histories = 4

// TestHistories has a drill of snapshots of every version of etcd, taken at a random moment of a random life, prove what the cluster held.
func TestHistories(t *testing.T) {
	for _, version := range []string{"3.4", "3.5", "3.6", "3.7"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := cluster.Start(t, cluster.Options{Version: version, Args: []string{cluster.NoFsync}})
			cli := c.Client(t)
			s := program.On{Host: host.New(t, c)}
			for range histories {
				seed := rand.Uint64()
				history(t, cli, rand.New(rand.NewPCG(seed, 1)))
				m := s.Snapshot(t)
				var out drill.Result
				s.MustJSON(t, &out, "drill", m.ID)
				kvs, err := cli.Get(t.Context(), "/registry/configmaps/", clientv3.WithPrefix(), clientv3.WithCountOnly(), clientv3.WithRev(m.Revision))
				if err != nil {
					t.Fatal(err)
				}
				if !out.OK || out.Hash != m.HashKV.Hash || out.Revision != m.Revision || out.Census.Objects["configmaps"] != kvs.Count {
					t.Errorf("seed %d: %+v; etcd has %d keys; manifest %+v", seed, out, kvs.Count, m.Facts)
				}
			}
			var shown struct {
				LastProven struct{ Level int } `json:"last_proven"`
			}
			s.MustJSON(t, &shown, "status")
			if shown.LastProven.Level != 5 {
				t.Errorf("status has level %d", shown.LastProven.Level)
			}
			empty(t, filepath.Join(s.State, "drill"))
		})
	}
}

// empty fails if a drill left more than its lock.
func empty(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "lock" {
			t.Errorf("%s is left in %s", e.Name(), folder)
		}
	}
}

// TestKilled kills drills at random moments: no process stays, and the next drill starts from nothing.
func TestKilled(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 300)
	s := program.On{Host: host.New(t, c)}
	s.Snapshot(t)
	begun := time.Now()
	s.Must(t, "drill")
	whole := time.Since(begun)
	killed := 0
	for range 30 {
		p := s.Start(t, "drill")
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.Int64N(int64(whole))))
		<-ctx.Done()
		cancel()
		if err := p.Cmd.Process.Kill(); err != nil {
			continue // it had ended
		}
		_ = p.Wait() // the error is that it was killed
		killed++
		folder := filepath.Join(s.State, "drill")
		await.Until(t, 20*time.Second, "a child of a killed drill", func() bool { return !mentioned(t, folder) })
	}
	if killed == 0 {
		t.Fatal("no drill was killed")
	}
	s.Must(t, "drill")
	empty(t, filepath.Join(s.State, "drill"))
}

// mentioned reports whether a process has the folder in its command line.
func mentioned(t *testing.T, folder string) bool {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lines {
		if line, err := os.ReadFile(path); err == nil && strings.Contains(string(line), folder) {
			return true
		}
	}
	return false
}
