package restore

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asApplier in the environment makes the test binary a process that applies a plan, to be killed.
const asApplier = "ETCDWARD_TEST_APPLY"

type killOrder struct {
	PlanFile, File string
	Back           bool
	At             Step // the process kills itself when this step begins; "": not
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
		a := &Applier{Plan: plan, Member: "m1", Fetch: func(context.Context) (string, error) { return order.File, nil }}
		a.Before = func(step Step) error {
			if step != order.At {
				return nil
			}
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		if order.Back {
			_, err = a.Rollback(context.Background())
		} else {
			_, err = a.Run(context.Background())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestKill kills an apply, or the rollback of one, at a random moment. Afterwards one more apply or rollback makes one of the two
// directories the data directory, whole.
func TestKill(t *testing.T) {
	rounds := 40
	if os.Getenv("ETCDWARD_TORTURE") != "" {
		rounds = 200
	}
	a, b := rand.Uint64(), rand.Uint64()
	t.Logf("seed: rand.NewPCG(%d, %d)", a, b)
	chance := rand.New(rand.NewPCG(a, b))
	steps := map[string]int{}
	var whole time.Duration
	for i := range rounds {
		s := newSite(t)
		before := digest(t, s.data)
		planFile := filepath.Join(s.dir, "plan.yaml")
		text, err := s.plan.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(planFile, text, 0o600); err != nil {
			t.Fatal(err)
		}
		back := i%4 == 3
		if i == 0 || back {
			begun := time.Now()
			if err := runOrder(t, killOrder{PlanFile: planFile, File: s.file}, -1, ""); err != nil {
				t.Fatalf("apply: %v", err)
			}
			if i == 0 {
				whole = time.Since(begun)
				continue
			}
		}
		switch {
		case back: // a rollback is short
			_ = runOrder(t, killOrder{PlanFile: planFile, File: s.file, Back: true}, time.Duration(chance.Int64N(int64(whole)/8)), "")
		case i%4 == 2: // a step of which it is known
			at := []Step{StepRestoring, StepReady, StepSwitching, StepDone}[chance.IntN(4)]
			_ = runOrder(t, killOrder{PlanFile: planFile, File: s.file, At: at}, -1, "")
		case i%4 == 0: // the renames are over in a millisecond: wait for them
			journal := filepath.Join(s.dir, "etcd.etcdward-journal-"+s.plan.ShortID()+".json")
			_ = runOrder(t, killOrder{PlanFile: planFile, File: s.file}, time.Duration(chance.Int64N(int64(2*time.Millisecond))), journal)
		default:
			_ = runOrder(t, killOrder{PlanFile: planFile, File: s.file}, time.Duration(chance.Int64N(int64(whole))), "")
		}
		l, err := locate(s.data, s.plan.ShortID())
		if err != nil {
			t.Fatal(err)
		}
		j, err := readJournal(l.journal)
		if err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		steps[string(j.Step)]++
		if i%3 == 0 || j.Step == StepGoingBack {
			if _, err := s.applier().Rollback(t.Context()); err != nil {
				t.Fatalf("round %d, killed at %q: rollback: %v; %v", i, j.Step, err, s.names(t))
			}
			if digest(t, s.data) != before {
				t.Fatalf("round %d, killed at %q: the old directory is not as it was: %v", i, j.Step, s.names(t))
			}
			continue
		}
		if _, err := s.applier().Run(t.Context()); err != nil {
			t.Fatalf("round %d, killed at %q: apply: %v; %v", i, j.Step, err, s.names(t))
		}
		if digest(t, l.old) != before {
			t.Fatalf("round %d, killed at %q: the old directory is not kept whole: %v", i, j.Step, s.names(t))
		}
		if got, err := os.ReadFile(filepath.Join(s.data, "member", "snap", "db")); err != nil || !strings.Contains(string(got), "/registry/") {
			t.Fatalf("round %d: %v", i, err)
		}
		if i%5 == 0 {
			s.holds(t, s.data)
		}
	}
	t.Logf("a whole apply takes %v; killed at %v", whole, steps)
	if len(steps) < 4 {
		t.Errorf("the kills met only %v", steps)
	}
}

// runOrder runs a process and kills it after a time, counted from the start or from when the journal says switching; less than 0:
// not at all.
func runOrder(t *testing.T, order killOrder, after time.Duration, journal string) error {
	t.Helper()
	text, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.Env = append(os.Environ(), asApplier+"="+string(text))
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
