package many

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/bucket"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/program"
)

// noCluster is the configuration of a host whose etcd does not run: nobody listens on port 1.
const noCluster = `cluster: {name: test, endpoints: ["http://127.0.0.1:1"]}`

// looked is how many of the newest manifests the table of list reads.
const looked = 24

// TestTenThousand counts what the verbs ask of a versioned bucket with 10,000 snapshots and some thousand proofs, and
// what the program needs for it.
func TestTenThousand(t *testing.T) {
	const count, keep, page = 10_000, 100, 1000
	stored := bucket.NewVersioned(t)
	proofs := fill(t, stored, count)
	counted := bucket.NewGateway(t, stored.Server.Endpoint)
	s := measuredHost{program.On{Host: host.New(t, new(cluster.Cluster), noCluster, stored.Stores(t), "retention: {keep_within: 0, keep_last: 100}")}, counted}
	s.Rewrite(t, stored.Server.Endpoint, counted.Endpoint)
	snapshotPages, proofPages := pagesOf(2*count, page), pagesOf(proofs, page)

	table := s.measured(t, "list")
	if rows := strings.Count(table.out, "\n"); rows != count+1 {
		t.Errorf("list: %d lines, want %d", rows, count+1)
	}
	// One more reports whether the bucket keeps versions; the newest manifests are looked at.
	table.atMost(t, "list", map[string]int{"ListObjectVersions": snapshotPages, "GET versioning": 1, "GET object": looked})

	manifests := s.measured(t, "list", "-o", "json")
	var listed []snapshot.Manifest
	if err := json.Unmarshal([]byte(manifests.out), &listed); err != nil || len(listed) != count {
		t.Fatalf("list -o json: %d manifests, error %v", len(listed), err)
	}
	manifests.atMost(t, "list -o json", map[string]int{"ListObjectVersions": snapshotPages, "GET versioning": 1, "GET object": count})

	// An earlier prune was killed after it had noted 5,000 removals, before the first of them.
	note(t, s.State, listed[:count/2])
	pruned := s.measured(t, "prune", "--confirm")
	if want := "9900 removed, 100 kept."; !strings.Contains(pruned.out, want) {
		t.Errorf("prune does not say %q: %.2000s", want, pruned.out[max(0, len(pruned.out)-2000):])
	}
	const batches = (count-keep+499)/500 + 1
	pruned.atMost(t, "prune --confirm", map[string]int{
		"GET versioning": 1, "GET uploads": 1,
		"GET object":    count + proofs + 1, // the manifests, the newest proof of each, and the identity
		"DeleteObjects": 3 * batches,
		// The snapshots for what was noted, for the plan and for what others deleted; the proofs for the plan and to remove them.
		"ListObjectVersions": 3*snapshotPages + 2*proofPages + 1,
	})
	after := stored.Versions(t)
	if want := 2*keep + 1 + proofs*keep/count; len(after) != want {
		t.Errorf("the bucket holds %d versions after it, want %d", len(after), want)
	}
}

// pagesOf is how many pages a listing of so many keys has at most: it may end with an empty one.
func pagesOf(keys, page int) int { return keys/page + 1 }

// fill stores snapshots, and a proof of every fourth, and gives the number of proofs.
func fill(t *testing.T, b bucket.Versioned, count int) (proofs int) {
	t.Helper()
	begin := time.Now()
	cat, err := catalog.New(b.Open(t, b.Server.Endpoint), "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := cat.Claim(t.Context(), "c1", false); err != nil {
		t.Fatal(err)
	}
	content := []byte("the bytes of a snapshot")
	first := time.Now().Add(-time.Duration(count) * time.Hour)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range count {
		m := bucket.Manifest(first.Add(time.Duration(i)*time.Hour), int64(i+1), content)
		proven := i%4 == 0
		if proven {
			proofs++
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if _, err := cat.Commit(t.Context(), m, bytes.NewReader(content)); err != nil {
				t.Error(err)
			}
			if !proven {
				return
			}
			check := snapshot.Check{Name: snapshot.CheckReadBack, OK: true}
			if err := cat.AddProof(t.Context(), catalog.Proof{ID: m.ID, At: m.TakenAt, Check: check, Tool: "test"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	t.Logf("stored %d snapshots and %d proofs in %.1f s", count, proofs, time.Since(begin).Seconds())
	return proofs
}

// note leaves what a prune leaves that was killed.
func note(t *testing.T, state string, doomed []snapshot.Manifest) {
	t.Helper()
	ids := make([]string, len(doomed))
	for i, m := range doomed {
		ids[i] = m.ID
	}
	body, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(state, "removals")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "removing-primary.json"), body, 0o600); err != nil {
		t.Fatal(err)
	}
}

// measurement is what one run of the program took.
type measurement struct {
	out      string
	requests bucket.Requests
}

// measuredHost is a host whose requests to the store go over a gateway.
type measuredHost struct {
	program.On
	gateway *bucket.Gateway
}

// measured runs the program, and returns what it took.
func (s measuredHost) measured(t *testing.T, args ...string) measurement {
	t.Helper()
	s.gateway.Requests()
	cmd := exec.CommandContext(t.Context(), program.Path(), append([]string{"--config", s.Config, "--state-dir", s.State}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	peak := watchMemory(cmd.Process.Pid)
	err := cmd.Wait()
	most := peak()
	if err != nil {
		t.Fatalf("etcdward %v: %v\n%s", args, err, errs.Bytes())
	}
	m := measurement{out.String(), s.gateway.Requests()}
	t.Logf("etcdward %s: %v; %.1f s, %d MiB at most", strings.Join(args, " "), m.requests, time.Since(begin).Seconds(), most>>20)
	if most == 0 || most > 192<<20 {
		t.Errorf("etcdward %v took %d bytes of memory", args, most)
	}
	return m
}

// watchMemory follows the memory of a process until the func that it returns is called, which gives the most that was
// seen, in bytes. What the kernel tells at the end of a process counts in that of its parent.
func watchMemory(pid int) func() int64 {
	var most int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, peakMemory(pid))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-stopped
		return most
	}
}

// peakMemory is the most that a process has had resident so far, in bytes; 0: it has ended.
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	_, _ = fmt.Sscan(rest, &kib) // a process that has ended has none
	return kib << 10
}

// atMost holds the requests of each kind to a limit, and allows no other kind.
func (m measurement) atMost(t *testing.T, verb string, limits map[string]int) {
	t.Helper()
	for kind, n := range m.requests {
		if n > limits[kind] {
			t.Errorf("%s made %d requests %s, more than %d", verb, n, kind, limits[kind])
		}
	}
}
