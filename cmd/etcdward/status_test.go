package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/status"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/test/cluster"
)

// status calls `etcdward -o json status`.
func (s site) status(t *testing.T) (status.Status, int) {
	t.Helper()
	r := s.etcdward(t, "-o", "json", "status")
	var st status.Status
	if err := json.Unmarshal([]byte(r.out), &st); err != nil {
		t.Fatalf("exit %d, %v\n%s%s", r.code, err, r.out, r.err)
	}
	return st, r.code
}

// wantAtRisk holds a status to a verdict that is not PROTECTED, and to a reason.
func (s site) wantAtRisk(t *testing.T, verdict status.Verdict, proven, reason string) {
	t.Helper()
	st, code := s.status(t)
	got := ""
	if st.LastProven != nil {
		got = st.LastProven.ID
	}
	if code != exitFindings || st.Verdict != verdict || got != proven || !strings.Contains(strings.Join(st.Reasons, "\n"), reason) {
		t.Errorf("exit %d, %s, proven %q; want %s, %q; reasons lack %q:\n%q", code, st.Verdict, got, verdict, proven, reason, st.Reasons)
	}
}

// TestStatusOfStores spoils what a store holds: nothing that is wrong there passes for PROTECTED.
func TestStatusOfStores(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 10)
	s := newSite(t, c)
	first := s.snapshot(t)
	advance(t, c, c.Members[0])
	newest := s.snapshot(t)
	if st, code := s.status(t); code != exitOK || st.Verdict != status.Protected || st.LastProven.ID != newest.ID {
		t.Fatalf("exit %d, %+v", code, st)
	}

	t.Run("data of the newest gone", func(t *testing.T) {
		data := filepath.Join(s.store, newest.Object.Key)
		aside(t, data)
		s.wantAtRisk(t, status.AtRisk, first.ID, newest.ID+" has a manifest and no data")
	})
	t.Run("cluster.json damaged", func(t *testing.T) {
		identity := filepath.Join(s.store, "v1/test/cluster.json")
		aside(t, identity)
		if err := os.WriteFile(identity, []byte(`{"format":`), 0o600); err != nil {
			t.Fatal(err)
		}
		s.wantAtRisk(t, status.AtRisk, newest.ID, "nothing can be stored or pruned")
		r := s.etcdward(t, "prune")
		if r.code != exitFailed || r.out != "" || !strings.Contains(r.err, "cluster.json") {
			t.Errorf("prune: exit %d\n%s%s", r.code, r.out, r.err)
		}
	})
	t.Run("yet to come", func(t *testing.T) {
		ahead := newest
		ahead.TakenAt = time.Now().UTC().Add(48 * time.Hour).Truncate(time.Second)
		ahead.ID = snapshot.NewID(ahead.TakenAt, ahead.Revision).String()
		s.commit(t, ahead, filepath.Join(s.store, newest.Object.Key))
		s.wantAtRisk(t, status.AtRisk, newest.ID, ahead.ID+" was taken at a time in the future")
	})
	t.Run("of another cluster", func(t *testing.T) {
		other := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
		stranger := newSite(t, other, fmt.Sprintf("stores: [{name: primary, directory: {path: %s}}]", s.store), "retention: {keep_within: 0, keep_last: 1}")
		stranger.wantAtRisk(t, status.Unprotected, "", "another etcd cluster ("+newest.Cluster.ID+")")
		r := stranger.etcdward(t, "prune", "--confirm")
		if r.code != exitFindings || !strings.Contains(r.err, "held: ") || !strings.Contains(r.err, "Try: if the cluster was rebuilt") || !strings.Contains(r.out, "0 removed") {
			t.Errorf("prune: exit %d\n%s%s", r.code, r.out, r.err)
		}
		if list := s.must(t, "list"); !strings.Contains(list, first.ID) {
			t.Errorf("it removed another cluster's:\n%s", list)
		}
	})
	t.Run("away", func(t *testing.T) {
		if err := os.Rename(s.store, s.store+".away"); err != nil {
			t.Fatal(err)
		}
		st, _ := s.status(t)
		if p := st.LastProven; st.Verdict != status.AtRisk || st.Proof != status.ProofLastKnown || p == nil || p.ID != newest.ID || p.SeenAt.IsZero() {
			t.Errorf("what was last seen does not stand: %+v", st)
		}
		if r := s.etcdward(t, "status"); r.code != exitFindings || !strings.Contains(r.out, "not known") || !strings.Contains(r.out, newest.ID+", level 2 of 5, store primary, last seen ") {
			t.Errorf("exit %d\n%s", r.code, r.out)
		}
		fresh := s
		fresh.state = t.TempDir()
		if st, _ := fresh.status(t); st.Verdict != status.AtRisk || st.Proof != status.ProofNotKnown || st.LastProven != nil {
			t.Errorf("a host that never saw the store: %+v", st)
		}
		if r := s.etcdward(t, "prune"); r.code != exitFailed || r.out != "" {
			t.Errorf("prune: exit %d\n%s%s", r.code, r.out, r.err)
		}
	})
}

// aside takes a file away until the end of the test.
func aside(t *testing.T, path string) {
	t.Helper()
	if err := os.Rename(path, path+".aside"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Rename(path+".aside", path); err != nil {
			t.Error(err)
		}
	})
}

// commit stores a snapshot with the data in a file.
func (s site) commit(t *testing.T, m snapshot.Manifest, data string) {
	t.Helper()
	bucket, err := directory.Open(s.store)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cat, err := catalog.New(bucket, "test")
	if err == nil {
		_, err = cat.Commit(t.Context(), m, file)
	}
	if err != nil {
		t.Fatal(err)
	}
}
