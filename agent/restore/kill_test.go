package restore

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asApplier in the environment makes the test binary a process that applies a plan, to be killed.
const asApplier = "ETCDWARD_TEST_APPLY"

type killOrder struct {
	PlanFile, File string
	Back           bool
	At             Step   // the process kills itself when this step begins; "": not
	Manifests      string // the host's, with kubeadm; "": without
	User           uint32 // that the process is run as; 0: this one
}

func killMain() {
	text := os.Getenv(asApplier)
	if text == "" {
		return
	}
	var order killOrder
	err := json.Unmarshal([]byte(text), &order)
	var plan Plan
	if err == nil {
		plan, err = Load(order.PlanFile)
	}
	if err == nil {
		a := &Applier{Plan: plan, Member: plan.Members[0].Name, Fetch: func(context.Context) (string, error) { return order.File, nil }}
		if order.Manifests != "" {
			host, wrong := ReadHost(order.Manifests, AsideOf(order.Manifests, plan))
			a.Host, err = &host, wrong
		}
		a.Before = func(step Step) error {
			if step != order.At {
				return nil
			}
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		if err == nil && order.Back {
			_, err = a.Rollback(context.Background())
		} else if err == nil {
			_, err = a.Run(context.Background())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err, hintOf(err))
		syscall.Exit(1)
	}
	syscall.Exit(0) // not os.Exit: the race detector holds each of those up for a second
}

// TestKill kills an apply, or the rollback of one, at 200 random moments. Afterwards one more apply or rollback makes one of the two
// directories the data directory, whole.
func TestKill(t *testing.T) {
	const rounds = 200
	a, b := rand.Uint64(), rand.Uint64()
	t.Logf("seed: rand.NewPCG(%d, %d + round)", a, b)
	file := fixture(t, t.TempDir())
	first := killSite{site: newSiteOn(t, file)}
	begun := time.Now()
	if err := first.run(t, killOrder{}, -1, ""); err != nil {
		t.Fatalf("apply: %v", err)
	}
	whole := time.Since(begun)
	var mu sync.Mutex
	steps, kills := map[Step]int{}, 0
	t.Run("rounds", func(t *testing.T) {
		for worker := range 2 {
			t.Run(strconv.Itoa(worker), func(t *testing.T) {
				t.Parallel()
				for i := worker; i < rounds; i += 2 {
					s := killSite{site: newSiteOn(t, file), round: i, chance: rand.New(rand.NewPCG(a, b+uint64(i)))}
					met, killed := s.killed(t, whole)
					s.recover(t, met)
					mu.Lock()
					steps[met]++
					kills += killed
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("a whole apply takes %v; %d of %d rounds were killed before the end, at %v", whole, kills, rounds, steps)
	if len(steps) < 6 || kills < rounds/2 {
		t.Errorf("the kills met only %v", steps)
	}
}

// killSite is a host of one round.
type killSite struct {
	site
	round  int
	chance *rand.Rand
}

// killed lets an apply or a rollback be killed, and gives the step that it had come to.
func (s killSite) killed(t *testing.T, whole time.Duration) (met Step, killed int) {
	t.Helper()
	var err error
	switch s.round % 4 {
	case 0: // the renames are over in a millisecond: wait for them
		err = s.run(t, killOrder{}, time.Duration(s.chance.Int64N(int64(2*time.Millisecond))), s.layout(t).journal)
	case 1: // anywhere
		err = s.run(t, killOrder{}, time.Duration(s.chance.Int64N(int64(whole))), "")
	case 2: // at the begin of a step
		steps := []Step{StepRestoring, StepReady, StepSwitching, StepDone}
		err = s.run(t, killOrder{At: steps[s.chance.IntN(len(steps))]}, -1, "")
	case 3: // a rollback, which is short
		if err := s.run(t, killOrder{}, -1, ""); err != nil {
			t.Fatalf("round %d: apply: %v", s.round, err)
		}
		err = s.run(t, killOrder{Back: true}, time.Duration(s.chance.Int64N(int64(whole)/6)), "")
	}
	if err != nil {
		if !strings.Contains(err.Error(), "signal: killed") {
			t.Fatalf("round %d: %v", s.round, err)
		}
		killed = 1
	}
	j, err := readJournal(s.layout(t).journal)
	if err != nil {
		t.Fatalf("round %d: %v", s.round, err)
	}
	return j.Step, killed
}

// recover makes one more apply or rollback, and holds the site to one of the two directories.
func (s killSite) recover(t *testing.T, met Step) {
	t.Helper()
	if s.round%3 == 0 || met == StepGoingBack {
		if _, err := s.applier().Rollback(t.Context()); err != nil {
			t.Fatalf("round %d, killed at %q: rollback: %v; %v", s.round, met, err, s.names(t))
		}
		if digest(t, s.data) != s.before {
			t.Fatalf("round %d, killed at %q: the old directory is not as it was: %v", s.round, met, s.names(t))
		}
		return
	}
	if _, err := s.applier().Run(t.Context()); err != nil {
		t.Fatalf("round %d, killed at %q: apply: %v; %v", s.round, met, err, s.names(t))
	}
	if digest(t, s.layout(t).old) != s.before {
		t.Fatalf("round %d, killed at %q: the old directory is not kept whole: %v", s.round, met, s.names(t))
	}
	if s.round%4 < 2 {
		s.holds(t, s.data)
	}
}

func (s site) layout(t *testing.T) layout {
	t.Helper()
	l, err := locate(s.data, s.plan.ShortID())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run applies the site's plan, or rolls it back, in a process that is killed after a time, counted from the start or from when the
// journal says ready; less than 0: not.
func (s killSite) run(t *testing.T, order killOrder, after time.Duration, journal string) error {
	t.Helper()
	order.File, order.PlanFile = s.file, filepath.Join(s.dir, "plan.yaml")
	text, err := s.plan.Encode()
	if err == nil {
		err = os.WriteFile(order.PlanFile, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return runOrder(t, order, after, journal)
}

// runOrder is run without a site.
func runOrder(t *testing.T, order killOrder, after time.Duration, journal string) error {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.Env = append(os.Environ(), asApplier+"="+mustJSON(t, order))
	asUser(cmd, order.User)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if journal != "" {
		tick := time.NewTicker(time.Millisecond / 2)
		defer tick.Stop()
		for waiting := true; waiting; {
			select {
			case err := <-ended:
				return err
			case <-tick.C:
				now, err := os.ReadFile(journal)
				waiting = err != nil || !strings.Contains(string(now), `"ready"`) && !strings.Contains(string(now), `"switching"`)
			}
		}
	}
	if after >= 0 {
		time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	}
	if err := <-ended; err != nil {
		return fmt.Errorf("%w: %s", err, said.String())
	}
	return nil
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
