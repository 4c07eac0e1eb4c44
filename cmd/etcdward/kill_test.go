package main

import (
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestKill kills snapshots and prunes at 200 random moments. After each, whatever is listed is whole; after the next
// start nothing is left of what was cut.
func TestKill(t *testing.T) {
	const kills = 200
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 200)
	s := newSite(t, c, "retention: {keep_within: 0, keep_last: 3}")
	etcdward := program(t)

	foreign := filepath.Join(s.store, "v1", "test", "snapshots", "notes.txt")
	elsewhere := filepath.Join(s.store, "v1", "other", "snapshots", "20200101T000000Z-1.db")
	for _, path := range []string{foreign, elsewhere} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("not ours"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	s.must(t, "snapshot")
	s.must(t, "prune", "--confirm")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, one cycle in this process takes %s", seed, time.Since(begun))
	random := rand.New(rand.NewPCG(seed, 0))

	// Kills are spread over twice what the verb takes undisturbed, so that they hit its last steps too.
	lengths := map[string]time.Duration{}
	for _, verb := range []string{"snapshot", "prune"} {
		begun := time.Now()
		if err := s.start(t, etcdward, arguments(verb)...).wait(); err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
		lengths[verb] = time.Since(begun)
	}
	verified, killed, ended := map[string]bool{}, 0, 0
	for i := 0; killed < kills; i++ {
		advance(t, c, c.Members[i%3])
		verb := []string{"snapshot", "snapshot", "prune"}[i%3]
		p := s.start(t, etcdward, arguments(verb)...)
		timer := time.NewTimer(time.Duration(random.Int64N(int64(2*lengths[verb]) + 1)))
		<-timer.C
		_ = p.cmd.Process.Kill() // it may have ended
		if p.wait() == nil {
			ended++
		} else {
			killed++
		}
		s.checkListed(t, verified)
	}
	t.Logf("%d kills, %d runs ended before theirs; %d snapshots listed and verified in between", killed, ended, len(verified))
	if len(verified) < 10 || ended < 10 {
		t.Error("the kills leave too little to check")
	}

	advance(t, c, c.Members[0])
	s.must(t, "snapshot")
	s.must(t, "prune", "--confirm")
	s.checkListed(t, map[string]bool{})
	s.checkClean(t)
	for _, path := range []string{foreign, elsewhere} {
		if body, err := os.ReadFile(path); err != nil || string(body) != "not ours" {
			t.Errorf("%s: %q %v", path, body, err)
		}
	}
}

// arguments of a verb as the cycle calls it.
func arguments(verb string) []string {
	if verb == "prune" {
		return []string{"prune", "--confirm"}
	}
	return []string{verb}
}

// checkListed verifies every snapshot that is listed and was not verified yet.
func (s site) checkListed(t *testing.T, verified map[string]bool) {
	t.Helper()
	var all []snapshot.Manifest
	r := s.etcdward(t, "-o", "json", "list")
	if r.code != 0 {
		t.Fatalf("list: exit %d %s", r.code, r.err)
	}
	if err := json.Unmarshal([]byte(r.out), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("nothing is listed any more")
	}
	for _, m := range all {
		if _, err := os.Stat(filepath.Join(s.store, m.Object.Key)); err != nil {
			t.Errorf("%s is listed and has no data: %v", m.ID, err)
		}
		if !verified[m.ID] {
			s.must(t, "verify", m.ID)
			verified[m.ID] = true
		}
	}
}

// checkClean looks for what a cut run leaves.
func (s site) checkClean(t *testing.T) {
	t.Helper()
	names := map[string]bool{}
	for _, root := range []string{s.state, s.store} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !entry.IsDir() {
				names[strings.TrimPrefix(path, s.dir+"/")] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range names {
		switch {
		case strings.HasPrefix(name, "state/staging/"), strings.Contains(name, ".partial"),
			strings.HasPrefix(name, "state/spool/") && !strings.HasSuffix(name, ".lock"):
			t.Errorf("left behind: %s", name)
		case strings.HasSuffix(name, ".db.zst"):
			if !names[strings.TrimSuffix(name, ".db.zst")+".json"] {
				t.Errorf("orphan: %s", name)
			}
		}
	}
}
