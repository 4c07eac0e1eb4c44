package kill

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/program"
)

// TestKill kills snapshots and prunes at 200 random moments. After each, whatever is listed is whole; after the next
// start nothing is left of what was cut.
func TestKill(t *testing.T) {
	const kills = 200
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 200)
	s := program.On{Host: host.New(t, c, "retention: {keep_within: 0, keep_last: 3}")}

	foreign := filepath.Join(s.Store, "v1", "test", "snapshots", "notes.txt")
	elsewhere := filepath.Join(s.Store, "v1", "other", "snapshots", "20200101T000000Z-1.db")
	for _, path := range []string{foreign, elsewhere} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("not ours"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	s.Must(t, "snapshot")
	s.Must(t, "prune", "--confirm")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, one cycle in this process takes %s", seed, time.Since(begun))
	random := rand.New(rand.NewPCG(seed, 0))

	// Kills are spread over twice what the verb takes undisturbed, so that they hit its last steps too.
	lengths := map[string]time.Duration{}
	for _, verb := range []string{"snapshot", "prune"} {
		begun := time.Now()
		if err := s.Start(t, arguments(verb)...).Wait(); err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
		lengths[verb] = time.Since(begun)
	}
	verified, killed, ended := map[string]bool{}, 0, 0
	for i := 0; killed < kills; i++ {
		c.Members[i%3].Advance(t)
		verb := []string{"snapshot", "snapshot", "prune"}[i%3]
		p := s.Start(t, arguments(verb)...)
		timer := time.NewTimer(time.Duration(random.Int64N(int64(2*lengths[verb]) + 1)))
		<-timer.C
		_ = p.Cmd.Process.Kill() // it may have ended
		if p.Wait() == nil {
			ended++
		} else {
			killed++
		}
		checkListed(t, s, verified)
	}
	t.Logf("%d kills, %d runs ended before theirs; %d snapshots listed and verified in between", killed, ended, len(verified))
	if len(verified) < 10 || ended < 10 {
		t.Error("the kills leave too little to check")
	}

	c.Members[0].Advance(t)
	s.Must(t, "snapshot")
	s.Must(t, "prune", "--confirm")
	checkListed(t, s, map[string]bool{})
	s.CheckClean(t)
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
func checkListed(t *testing.T, s program.On, verified map[string]bool) {
	t.Helper()
	var all []snapshot.Manifest
	s.MustJSON(t, &all, "list")
	if len(all) == 0 {
		t.Fatal("nothing is listed any more")
	}
	for _, m := range all {
		if _, err := os.Stat(filepath.Join(s.Store, m.Object.Key)); err != nil {
			t.Errorf("%s is listed and has no data: %v", m.ID, err)
		}
		if !verified[m.ID] {
			s.Must(t, "verify", m.ID)
			verified[m.ID] = true
		}
	}
}
