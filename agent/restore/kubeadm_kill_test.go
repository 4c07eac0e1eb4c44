package restore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/kubeadm"
	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/agent/restore/probe"
)

// TestKubeadmKill kills an apply at the begin of each step; another apply goes on from there, or a rollback goes back, and the control
// plane runs.
func TestKubeadmKill(t *testing.T) {
	c := newControlPlane(t, 1)
	file, _ := c.snapshot(t)
	data, manifests := filepath.Join(c.dirs[0], "etcd"), digest(t, c.manifests(0))
	running := func(after string) {
		t.Helper()
		until(t, "health after "+after, func() error { return probe.Healthy(t.Context(), "http://"+c.ips[0]+":2381") })
		until(t, "an API server after "+after, func() error {
			if !probe.Answers(t.Context(), "https://"+c.ips[0]+":6443") {
				return errors.New("none")
			}
			return nil
		})
		if digest(t, c.manifests(0)) != manifests {
			t.Fatalf("after %s the manifests are not as they were", after)
		}
	}
	for _, back := range []bool{true, false} {
		for _, step := range []Step{place.StepReady, place.StepStopping, place.StepSwitching, place.StepStarting, place.StepDone} {
			name := string(step) + ", then apply"
			if back {
				name = string(step) + ", then rollback"
			}
			p, before := c.plan(t, file), mustIdentify(t, data)
			s := killSite{site: site{dir: c.dirs[0], data: data, file: file, plan: p}}
			if err := s.run(t, killOrder{At: step, Manifests: c.manifests(0)}); err == nil || !strings.Contains(err.Error(), "signal: killed") {
				t.Fatalf("%s: not killed: %v", name, err)
			}
			a := c.applier(t, 0, p, file)
			a.HealthLimit = 0
			if back {
				if out, err := a.Rollback(t.Context()); err != nil || mustIdentify(t, data) != before {
					t.Fatalf("%s: %+v %v", name, out, err)
				}
				running(name)
				continue
			}
			out, err := a.Run(t.Context())
			if err != nil || out.Step != place.StepDone || mustIdentify(t, data) == before || mustIdentify(t, out.Kept) != before {
				t.Fatalf("%s: %+v %v", name, out, err)
			}
			running(name)
		}
	}
}

// runsOn waits until the etcd of host i has its data directory open, and not one that was renamed under it.
func (c *controlPlane) runsOn(t *testing.T, i int) {
	t.Helper()
	until(t, "an etcd on the data directory", func() error {
		busy, err := probe.Locked(filepath.Join(c.dirs[i], "etcd"))
		if err == nil && !busy {
			err = errors.New("none")
		}
		return err
	})
}

// TestKubeadmStartedMeanwhile kills an apply just before the switch, and moves the manifests back by hand: another apply stops the pods again
// before it renames anything.
func TestKubeadmStartedMeanwhile(t *testing.T) {
	c := newControlPlane(t, 1)
	file, _ := c.snapshot(t)
	p, data := c.plan(t, file), filepath.Join(c.dirs[0], "etcd")
	before := mustIdentify(t, data)
	s := killSite{site: site{dir: c.dirs[0], data: data, file: file, plan: p}}
	if err := s.run(t, killOrder{At: place.StepSwitching, Manifests: c.manifests(0)}); err == nil || !strings.Contains(err.Error(), "signal: killed") {
		t.Fatalf("not killed: %v", err)
	}
	for _, name := range []string{"kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml", "etcd.yaml"} {
		if err := os.Rename(filepath.Join(kubeadm.AsideOf(c.manifests(0), p), name), filepath.Join(c.manifests(0), name)); err != nil {
			t.Fatal(err)
		}
	}
	c.runsOn(t, 0)
	a := c.applier(t, 0, p, file)
	if out, err := a.Run(t.Context()); err != nil || out.Step != place.StepDone || mustIdentify(t, out.Kept) != before {
		t.Fatalf("%+v %v", out, err)
	}
	c.runsOn(t, 0)
}

// TestKubeadmOtherPlan finds the manifests where another plan left them, and says so.
func TestKubeadmOtherPlan(t *testing.T) {
	dir := t.TempDir()
	manifests, aside := filepath.Join(dir, "manifests"), filepath.Join(dir, "etcdward-restore-0123abcd")
	text, err := os.ReadFile("kubeadm/testdata/kubeadm-1.34/etcd.yaml")
	if err == nil {
		err = errors.Join(os.Mkdir(manifests, 0o700), os.Mkdir(aside, 0o700), os.WriteFile(filepath.Join(aside, "etcd.yaml"), text, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kubeadm.Read(manifests, ""); err == nil || !strings.Contains(err.Error(), aside) || !strings.Contains(fault.Hint(err), "its own plan") {
		t.Errorf("error %v, hint %q", err, fault.Hint(err))
	}
}
