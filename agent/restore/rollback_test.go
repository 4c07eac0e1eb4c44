package restore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/test/cluster"
)

// another is an applier of another plan on the same site.
func (s site) another(t *testing.T) *Applier {
	t.Helper()
	return &Applier{Plan: mustPlan(t, draft(t, s.file, s.data)), Member: "m1", Fetch: func(context.Context) (string, error) { return s.file, nil }}
}

// TestRollbackImpossible: a way back that leads nowhere is refused before anything is touched, in a dry run too, and what was restored
// stays in use.
func TestRollbackImpossible(t *testing.T) {
	for name, c := range map[string]struct {
		spoil      func(s site, l place.Layout) error
		says, hint string
		undo       func(s site, l place.Layout) error // after which apply has nothing to do
	}{
		"the old directory was removed": {func(_ site, l place.Layout) error { return os.RemoveAll(l.Old) }, "the directory as it was: gone; the restored one: ", "remove ",
			func(site, place.Layout) error { return nil }},
		"the restored directory was moved to another disk": {func(s site, _ place.Layout) error {
			return errors.Join(os.CopyFS(s.data+"-copy", os.DirFS(s.data)), os.Rename(s.data, s.data+"-gone"), os.Rename(s.data+"-copy", s.data))
		}, "the restored one: gone", "remove ", func(s site, _ place.Layout) error {
			return errors.Join(os.RemoveAll(s.data), os.Rename(s.data+"-gone", s.data))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			if _, err := s.applier().Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			l := s.layout(t)
			if err := c.spoil(s, l); err != nil {
				t.Fatal(err)
			}
			before := digest(t, s.dir)
			for _, dry := range []bool{true, false} {
				a := s.applier()
				a.DryRun = dry
				_, err := a.Rollback(t.Context())
				if !errors.Is(err, place.ErrLost) || !strings.Contains(err.Error(), c.says) || !strings.Contains(fault.Hint(err), c.hint+l.Journal) || digest(t, s.dir) != before {
					t.Errorf("dry %t: %v\nTry: %s\n%v", dry, err, fault.Hint(err), s.names(t))
				}
			}
			if err := c.undo(s, l); err != nil {
				t.Fatal(err)
			}
			if out, err := s.applier().Run(t.Context()); err != nil || !out.Already {
				t.Errorf("apply: %+v %v", out, err)
			}
		})
	}
}

// TestRollbackBelow: of two restores on top of each other the upper one is rolled back first.
func TestRollbackBelow(t *testing.T) {
	s := newSite(t)
	lower, upper := s.applier(), s.another(t)
	for _, a := range []*Applier{lower, upper} {
		if _, err := a.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before := digest(t, s.dir)
	if _, err := lower.Rollback(t.Context()); err == nil || !strings.Contains(err.Error(), upper.Plan.SHA256[:16]) || digest(t, s.dir) != before {
		t.Fatalf("the lower one: %v", err)
	}
	for _, a := range []*Applier{upper, lower} {
		if _, err := a.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if digest(t, s.data) != s.before {
		t.Error("the directory is not as it was")
	}
}

// TestRollbackTellsSteps holds that a dry run says what would be done, and does not do it.
func TestRollbackTellsSteps(t *testing.T) {
	s := newSite(t)
	if _, err := s.applier().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := s.applier()
	a.DryRun = true
	var said strings.Builder
	a.Tell = func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
	before, l := digest(t, s.dir), s.layout(t)
	if _, err := a.Rollback(t.Context()); err != nil || digest(t, s.dir) != before {
		t.Errorf("%v %v", err, s.names(t))
	}
	want := fmt.Sprintf("1. rename %s, the restored directory, to %s\n2. rename %s, the directory as it was, to %s\n", s.data, l.UndoneName("TIME"), l.Old, s.data)
	if !strings.HasSuffix(said.String(), want) {
		t.Errorf("it says\n%swant\n%s", said.String(), want)
	}
}

// TestDoneAndEmptied does not take a restore for done whose directory was emptied.
func TestDoneAndEmptied(t *testing.T) {
	s := newSite(t)
	if _, err := s.applier().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.data, "member")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.applier().Run(t.Context()); err == nil || !strings.Contains(err.Error(), "or was emptied") {
		t.Errorf("error %v", err)
	}
}

// TestAlarms: what the snapshot brings along is said before the switch and at the end.
func TestAlarms(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 5)
	file := filepath.Join(t.TempDir(), "s.db")
	raised := &pb.AlarmRequest{Action: pb.AlarmRequest_ACTIVATE, MemberID: c.Members[0].ID, Alarm: pb.AlarmType_CORRUPT}
	if _, err := pb.NewMaintenanceClient(c.Client(t).ActiveConnection()).Alarm(t.Context(), raised); err != nil {
		t.Fatal(err)
	}
	c.Members[0].Etcdctl(t, "snapshot", "save", file)
	s := newSiteOn(t, file)
	a := s.applier()
	var said strings.Builder
	a.Tell = func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
	out, err := a.Run(t.Context())
	if err != nil || len(out.Alarms) != 1 || out.Alarms[0] != "CORRUPT" {
		t.Errorf("%+v %v", out, err)
	}
	if want := "WARNING: the snapshot has the alarm CORRUPT raised: "; !strings.Contains(said.String(), want) || !strings.Contains(said.String(), "an older snapshot") {
		t.Errorf("lacks %q:\n%s", want, said.String())
	}
}

// TestRollbackKubeadmFails: a rollback that cannot stop the control plane leaves it running as it was, and can be done later.
func TestRollbackKubeadmFails(t *testing.T) {
	c := newControlPlane(t, 1)
	file, _ := c.snapshot(t)
	p := c.plan(t, file)
	if _, err := c.applier(t, 0, p, file).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	manifests, directory := digest(t, c.manifests(0)), mustIdentify(t, filepath.Join(c.dirs[0], "etcd"))
	a := c.applier(t, 0, p, file)
	a.Host.Others, a.StopLimit = append(a.Host.Others, "http://"+stubborn(t)), time.Second
	var said strings.Builder
	a.Tell = func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
	if _, err := a.Rollback(t.Context()); err == nil || !strings.Contains(err.Error(), "still answers") || !strings.Contains(fault.Hint(err), "kubelet") {
		t.Errorf("rollback: %v", err)
	}
	if digest(t, c.manifests(0)) != manifests || mustIdentify(t, filepath.Join(c.dirs[0], "etcd")) != directory || !strings.Contains(said.String(), "at most 1s") {
		t.Errorf("something was left changed:\n%s", said.String())
	}
	c.runsOn(t, 0)
	if out, err := c.applier(t, 0, p, file).Run(t.Context()); err != nil || !out.Already {
		t.Errorf("apply: %+v %v", out, err)
	}
	if out, err := c.applier(t, 0, p, file).Rollback(t.Context()); err != nil || out.Step != place.StepRolledBack {
		t.Errorf("rollback: %+v %v", out, err)
	}
	c.runsOn(t, 0)
}
