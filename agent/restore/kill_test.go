package restore

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/kubeadm"
	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/agent/restore/plan"
)

// asApplier in the environment makes the test binary a process that applies a plan, to be killed.
const asApplier = "ETCDWARD_TEST_APPLY"

type killOrder struct {
	PlanFile, File string
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
	var p plan.Plan
	if err == nil {
		p, err = plan.Load(order.PlanFile)
	}
	if err == nil {
		a := &Applier{Plan: p, Member: p.Members[0].Name, Fetch: func(context.Context) (string, error) { return order.File, nil }}
		if order.Manifests != "" {
			host, wrong := kubeadm.Read(order.Manifests, kubeadm.AsideOf(order.Manifests, p))
			a.Host, err = &host, wrong
		}
		a.Before = func(step Step) error {
			if step != order.At {
				return nil
			}
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		if err == nil {
			_, err = a.Run(context.Background())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err, fault.Hint(err))
		syscall.Exit(1)
	}
	syscall.Exit(0) // not os.Exit: the race detector holds each of those up for a second
}

// TestKillAtSteps kills an apply at the begin of each step. Afterwards one more apply or rollback makes one of the two directories the
// data directory, whole. Kills at random moments are the command line's test.
func TestKillAtSteps(t *testing.T) {
	for _, step := range []Step{place.StepRestoring, place.StepReady, place.StepSwitching, place.StepDone} {
		for _, back := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, back %t", step, back), func(t *testing.T) {
				s := killedAt(t, step)
				if back {
					if _, err := s.applier().Rollback(t.Context()); err != nil || digest(t, s.data) != s.before {
						t.Fatalf("rollback: %v; %v", err, s.names(t))
					}
					return
				}
				if _, err := s.applier().Run(t.Context()); err != nil || digest(t, s.layout(t).Old) != s.before {
					t.Fatalf("apply: %v; %v", err, s.names(t))
				}
				s.holds(t, s.data)
			})
		}
	}
}

// killSite is a site whose plan is carried out in a process of its own.
type killSite struct{ site }

func (s site) layout(t *testing.T) place.Layout {
	t.Helper()
	l, err := place.Locate(s.data, s.plan.ShortID())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run applies the site's plan, or rolls it back, in a process.
func (s killSite) run(t *testing.T, order killOrder) error {
	t.Helper()
	order.File, order.PlanFile = s.file, filepath.Join(s.dir, "plan.yaml")
	text, err := s.plan.Encode()
	if err == nil {
		err = os.WriteFile(order.PlanFile, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.Env = append(os.Environ(), asApplier+"="+mustJSON(t, order))
	asUser(cmd, order.User)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
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
