package restore

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/kubeadm"
	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/agent/restore/plan"
	"golang.org/x/sys/unix"
)

// open holds the site's database open as an etcd does, until the function it gives is called.
func (s site) open(t *testing.T) (closed func()) {
	t.Helper()
	file, err := os.Open(filepath.Join(s.data, "member", "snap", "db"))
	if err == nil {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = file.Close() }
}

// killedAt is a site whose apply was killed at the begin of a step.
func killedAt(t *testing.T, step Step) site {
	t.Helper()
	s := killSite{site: newSite(t)}
	if err := s.run(t, killOrder{At: step}); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("not killed: %v", err)
	}
	return s.site
}

// TestStartedMeanwhile starts etcd on the old directory after an apply was killed just before the switch: another apply does not pull the
// directory from under it, and a rollback does not need it to stop.
func TestStartedMeanwhile(t *testing.T) {
	for _, step := range []Step{place.StepReady, place.StepSwitching} {
		t.Run(string(step), func(t *testing.T) {
			s := killedAt(t, step)
			closed := s.open(t)
			if _, err := s.applier().Run(t.Context()); err == nil || !strings.Contains(err.Error(), "running") || digest(t, s.data) != s.before {
				t.Errorf("apply: %v", err)
			}
			if _, err := s.applier().Rollback(t.Context()); err != nil || digest(t, s.data) != s.before {
				t.Errorf("rollback: %v", err)
			}
			closed()
			if _, err := s.applier().Run(t.Context()); err != nil {
				t.Errorf("apply, once it has stopped: %v", err)
			}
		})
	}
}

// TestStartedAfterSwitch starts etcd on the restored directory after an apply was killed just before it was done: another apply ends
// well, and a rollback waits for etcd to stop.
func TestStartedAfterSwitch(t *testing.T) {
	s := killedAt(t, place.StepDone)
	j, err := place.ReadJournal(s.layout(t).Journal)
	if err != nil {
		t.Fatal(err)
	}
	j.Step = place.StepSwitching // as if it had been killed a moment earlier
	if err := j.Write(s.layout(t).Journal); err != nil {
		t.Fatal(err)
	}
	closed := s.open(t)
	if out, err := s.applier().Run(t.Context()); err != nil || out.Step != place.StepDone {
		t.Errorf("apply: %+v %v", out, err)
	}
	if _, err := s.applier().Rollback(t.Context()); err == nil || !strings.Contains(err.Error(), "running") {
		t.Errorf("rollback: %v", err)
	}
	closed()
	if _, err := s.applier().Rollback(t.Context()); err != nil || digest(t, s.data) != s.before {
		t.Errorf("rollback, once it has stopped: %v", err)
	}
}

// TestDoneAndGone does not take a restore for done whose directory is gone.
func TestDoneAndGone(t *testing.T) {
	s := newSite(t)
	if _, err := s.applier().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(s.data); err != nil {
		t.Fatal(err)
	}
	_, err := s.applier().Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "not the directory that it made") {
		t.Fatalf("error %v", err)
	}
	l := s.layout(t)
	if !strings.Contains(fault.Hint(err), l.Journal) || !strings.Contains(fault.Hint(err), l.Old) {
		t.Errorf("hint %q", fault.Hint(err))
	}
	for _, path := range []string{l.Journal, l.Old} { // as the hint says
		if err := os.Rename(path, path+"-away"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.applier().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.holds(t, s.data)
}

// TestOtherWay goes on from an apply with kubeadm's static pods without them, and the other way round.
func TestOtherWay(t *testing.T) {
	s := killedAt(t, place.StepSwitching)
	a := s.applier()
	a.Host = &kubeadm.Host{Member: plan.Member{Name: "m1", DataDir: s.data}}
	if _, err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "without --kubeadm") {
		t.Errorf("error %v", err)
	}
	j, err := place.ReadJournal(s.layout(t).Journal)
	if err != nil {
		t.Fatal(err)
	}
	j.Files = []string{"etcd.yaml"}
	if err := j.Write(s.layout(t).Journal); err != nil {
		t.Fatal(err)
	}
	if _, err := s.applier().Run(t.Context()); err == nil || !strings.Contains(err.Error(), "with --kubeadm") {
		t.Errorf("error %v", err)
	}
	if _, err := s.applier().Rollback(t.Context()); err == nil || !strings.Contains(err.Error(), "with --kubeadm") {
		t.Errorf("error %v", err)
	}
	if digest(t, s.data) != s.before {
		t.Error("the directory was touched")
	}
}

// TestAnotherMember does not make one host two members of a plan.
func TestAnotherMember(t *testing.T) {
	s := newSite(t)
	d := draft(t, s.file, s.data)
	d.Members = append(d.Members, plan.Member{Name: "m2", PeerURLs: []string{"http://127.0.0.1:2"}, DataDir: s.data})
	s.plan = mustPlan(t, d)
	if _, err := s.applier().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := s.applier()
	a.Member = "m2"
	if _, err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "this host is member m1") {
		t.Errorf("error %v", err)
	}
}

// TestTwoAtOnce lets two applies begin together: one does it, the other finds it done, or says who is at work.
func TestTwoAtOnce(t *testing.T) {
	s := newSite(t)
	var wg sync.WaitGroup
	outs, errs := make([]Outcome, 2), make([]error, 2)
	for i := range 2 {
		wg.Go(func() { outs[i], errs[i] = s.applier().Run(t.Context()) })
	}
	wg.Wait()
	for i := range 2 {
		if errs[i] != nil && !strings.Contains(errs[i].Error(), "another restore") {
			t.Errorf("%v", errs[i])
		}
	}
	if (errs[0] == nil && !outs[0].Already) == (errs[1] == nil && !outs[1].Already) {
		t.Errorf("%+v %+v %v %v", outs[0], outs[1], errs[0], errs[1])
	}
	s.holds(t, s.data)
}

// TestChildOutlives kills an apply whose child does not end, as one that hangs on a disk: nobody begins beside it.
func TestChildOutlives(t *testing.T) {
	s := killSite{site: newSite(t)}
	text, err := s.plan.Encode()
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, "plan.yaml"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.Env = append(os.Environ(), asApplier+"="+mustJSON(t, killOrder{PlanFile: filepath.Join(s.dir, "plan.yaml"), File: s.file}))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child := 0
	for child == 0 { // it lives for a moment only
		if child = childOf(cmd.Process.Pid); child == 0 && t.Context().Err() != nil {
			t.Fatal("no child that restores")
		}
		if j, err := place.ReadJournal(s.layout(t).Journal); err == nil && j.Step == place.StepDone {
			t.Fatal("the apply has ended, and no child was seen")
		}
	}
	if err := errors.Join(syscall.Kill(child, syscall.SIGSTOP), cmd.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if _, err := s.applier().Run(t.Context()); err == nil || !strings.Contains(err.Error(), "another restore") {
		t.Errorf("beside the child: %v", err)
	}
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := s.applier().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.holds(t, s.data)
}

// childOf finds the child of a process that restores or reads; 0: there is none.
func childOf(pid int) int {
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		return 0
	}
	for _, path := range tasks {
		text, _ := os.ReadFile(path) // the task may have ended
		for _, word := range strings.Fields(string(text)) {
			line, _ := os.ReadFile("/proc/" + word + "/cmdline")
			if strings.Contains(string(line), "internal-restore") || strings.Contains(string(line), "internal-etcd-read") {
				child, _ := strconv.Atoi(word)
				return child
			}
		}
	}
	return 0
}

// TestUndoneName holds that a rollback names what it takes away by the clock that it is given.
func TestUndoneName(t *testing.T) {
	s := newSite(t)
	if _, err := s.applier().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := s.applier()
	a.Now = func() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) }
	out, err := a.Rollback(context.Background())
	if err != nil || !strings.HasSuffix(out.Kept, "-20300102T030405Z") {
		t.Errorf("%+v %v", out, err)
	}
}
