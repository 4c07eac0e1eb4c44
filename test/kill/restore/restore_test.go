package restore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/restore/place"
	restoreplan "github.com/etcdward/etcdward/agent/restore/plan"

	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/host"
	"github.com/etcdward/etcdward/test/program"
)

// restoreKills is what all rounds of TestRestoreKill share.
type restoreKills struct {
	plan, file string
	short      string
	want       snapshot.RestoredFacts
	whole      time.Duration // that an apply takes
}

// TestRestoreKill kills 200 times `restore apply`, or the rollback of one, at random moments. Each time one more apply or rollback makes
// either the old directory, byte for byte, or the restored one, which boots, the data directory.
func TestRestoreKill(t *testing.T) {
	const kills = 200
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 100)
	s := program.On{Host: host.New(t, c)}
	k := restoreKills{plan: filepath.Join(s.Dir, "plan.yaml"), file: filepath.Join(s.Dir, "s.db")}
	c.Members[0].Etcdctl(t, "snapshot", "save", k.file)
	c.Members[0].Kill()
	s.Must(t, "restore", "plan", "--file", k.file, "--manifests", s.Dir, "--member", "m1=http://127.0.0.1:1", "--output", k.plan)
	p, err := restoreplan.Load(k.plan)
	if err == nil {
		k.short = p.ShortID()
		k.want, err = snapshot.Forecast(t.Context(), k.file, p.RevisionBump)
	}
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := k.start(t.Context(), "apply", filepath.Join(t.TempDir(), "etcd")).Run(); err != nil {
		t.Fatal(err)
	}
	k.whole = time.Since(begun)

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, an apply takes %v", seed, k.whole)
	var mu sync.Mutex
	met, killed, next := map[place.Step]int{}, 0, 0
	t.Run("rounds", func(t *testing.T) {
		for worker := range 2 {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for {
					mu.Lock()
					i, enough := next, killed >= kills
					next++
					mu.Unlock()
					if enough {
						return
					}
					step, was := k.round(t, i, rand.New(rand.NewPCG(seed, uint64(i))))
					mu.Lock()
					if was {
						killed++
						met[step]++
					}
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d kills in %d rounds, at %v", killed, next, met)
	for _, step := range []place.Step{place.StepNone, place.StepRestoring, place.StepReady, place.StepSwitching} {
		if met[step] == 0 {
			t.Errorf("no kill met %q, only %v", step, slices.Collect(maps.Keys(met)))
		}
	}
}

// start is a verb of restore on a data directory.
func (k restoreKills) start(ctx context.Context, verb, data string) *exec.Cmd {
	args := []string{"restore", verb, k.plan, "--member", "m1", "--data-dir", data, "--yes"}
	if verb == "apply" {
		args = append(args, "--file", k.file, "--etcd-version", "3.6.16")
	}
	return exec.CommandContext(ctx, program.Path(), args...)
}

// round kills once, unless the verb ends first, and makes good. It gives the step that the journal was at.
func (k restoreKills) round(t *testing.T, i int, random *rand.Rand) (met place.Step, killed bool) {
	t.Helper()
	dir, err := os.MkdirTemp("", "etcdward-kill-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}()
	data, old := filepath.Join(dir, "etcd"), filepath.Join(dir, "etcd.etcdward-old-"+k.short)
	if err := errors.Join(os.MkdirAll(filepath.Join(data, "member", "snap"), 0o700), os.WriteFile(filepath.Join(data, "member", "snap", "db"), []byte("as it was"), 0o600)); err != nil {
		t.Fatal(err)
	}
	before, verb, after := contents(t, data), "apply", time.Duration(random.Int64N(int64(k.whole)*9/10))
	if i%4 == 3 { // a rollback, which is short
		if out, err := k.start(t.Context(), "apply", data).CombinedOutput(); err != nil {
			t.Fatalf("round %d: apply: %v\n%s", i, err, out)
		}
		verb, after = "rollback", time.Duration(random.Int64N(int64(k.whole)/5))
	}
	cmd := k.start(t.Context(), verb, data)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if i%4 < 2 { // the renames are over in milliseconds: wait for them
		k.awaitReady(dir, ended)
		after = time.Duration(random.Int64N(int64(8 * time.Millisecond)))
	}
	timer := time.NewTimer(after)
	<-timer.C
	_ = cmd.Process.Kill() // it may have ended
	killed = <-ended != nil
	met = k.step(t, dir)

	verb = "apply"
	if i%3 == 0 || met == place.StepGoingBack {
		verb = "rollback"
	}
	if out, err := k.start(t.Context(), verb, data).CombinedOutput(); err != nil {
		t.Fatalf("round %d, killed at %q: %s: %v\n%s", i, met, verb, err, out)
	}
	if verb == "rollback" {
		if contents(t, data) != before {
			t.Fatalf("round %d, killed at %q: the old directory is not as it was", i, met)
		}
		return met, killed
	}
	if contents(t, old) != before {
		t.Fatalf("round %d, killed at %q: the old directory is not kept whole", i, met)
	}
	if i%4 == 1 {
		// Nothing else needs this directory any more, which reading spoils.
		got, err := scratch.Read(t.Context(), data, "m1", k.want.Revision, scratch.Options{})
		if err != nil || got.Hash != k.want.Hash || got.Keys != k.want.Keys {
			t.Fatalf("round %d, killed at %q: %v: got %+v, want %+v", i, met, err, got, k.want)
		}
	}
	return met, killed
}

// stepForm is the step in a journal.
var stepForm = regexp.MustCompile(`"step": "([^"]*)"`)

// step reads the journal; it may be read while it is written.
func (k restoreKills) step(t *testing.T, dir string) place.Step {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "etcd.etcdward-journal-"+k.short+".json"))
	found := stepForm.FindSubmatch(text)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return place.StepNone
	case err != nil || found == nil:
		t.Fatalf("the journal: %v %q", err, text)
	}
	return place.Step(found[1])
}

// awaitReady waits until the new directory is ready, or the process has ended.
func (k restoreKills) awaitReady(dir string, ended chan error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			ended <- err
			return
		case <-tick.C:
			text, err := os.ReadFile(filepath.Join(dir, "etcd.etcdward-journal-"+k.short+".json"))
			if err == nil && !strings.Contains(string(text), `"restoring"`) {
				return
			}
		}
	}
}

// contents is a digest of the names and bytes below a folder.
func contents(t *testing.T, root string) string {
	t.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		sum.Write([]byte(strings.TrimPrefix(path, root)))
		sum.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}
