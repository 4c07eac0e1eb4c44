package restore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/etcdward/etcdward/agent/restore/place"
	"github.com/etcdward/etcdward/agent/scratch"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/unpack"
)

// TestApplyAndRollback walks there and back, twice.
func TestApplyAndRollback(t *testing.T) {
	s := newSite(t)
	if err := os.Chmod(s.data, 0o750); err != nil {
		t.Fatal(err)
	}
	before := digest(t, s.data)
	if os.Geteuid() == 0 {
		if err := os.Chown(s.data, 1234, 1235); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		out, err := s.applier().Run(t.Context())
		if err != nil || out.Step != place.StepDone || out.Already || digest(t, out.Kept) != before {
			t.Fatalf("apply: %+v %v", out, err)
		}
		s.holds(t, s.data)
		var top, inside syscall.Stat_t
		if err := errors.Join(syscall.Stat(s.data, &top), syscall.Stat(filepath.Join(s.data, "member", "snap", "db"), &inside)); err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() == 0 && (top.Uid != 1234 || top.Gid != 1235 || inside.Uid != 1234) || top.Mode&0o777 != 0o750 {
			t.Errorf("owner %d:%d, inside %d, mode %o", top.Uid, top.Gid, inside.Uid, top.Mode&0o777)
		}
		restored := digest(t, s.data)
		if out, err := s.applier().Run(t.Context()); err != nil || !out.Already || digest(t, s.data) != restored {
			t.Fatalf("apply again: %+v %v", out, err)
		}
		if len(s.names(t)) > 4+1 { // data, old, journal; undone of the round before
			t.Errorf("left behind: %v", s.names(t))
		}
		out, err = s.applier().Rollback(t.Context())
		if err != nil || out.Step != place.StepRolledBack || digest(t, s.data) != before || digest(t, out.Kept) != restored {
			t.Fatalf("rollback: %+v %v", out, err)
		}
		if out, err := s.applier().Rollback(t.Context()); err != nil || !out.Already || digest(t, s.data) != before {
			t.Fatalf("rollback again: %+v %v", out, err)
		}
		if err := os.RemoveAll(out.Kept); err != nil {
			t.Fatal(err)
		}
	}
}

// TestApplyOnNewHost has no directory, an empty one, and a link to one.
func TestApplyOnNewHost(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(s site) error
	}{
		{"none", func(s site) error { return os.RemoveAll(s.data) }},
		{"none, in a folder of etcd's", func(s site) error {
			return errors.Join(os.RemoveAll(s.data), os.Chown(s.dir, etcdUser(), etcdUser()))
		}},
		{"empty", func(s site) error { return errors.Join(os.RemoveAll(s.data), os.Mkdir(s.data, 0o700)) }},
		{"a link", func(s site) error {
			return errors.Join(os.Rename(s.data, s.data+"-real"), os.Symlink(s.data+"-real", s.data))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			if err := c.make(s); err != nil {
				t.Fatal(err)
			}
			before := digest(t, s.data+"/.")
			if _, err := s.applier().Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.holds(t, s.data+"/.")
			if uid := owner(t, s.data+"/."); uid != owner(t, s.dir) {
				t.Errorf("it belongs to user %d", uid)
			}
			if _, err := s.applier().Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			if after := digest(t, s.data+"/."); after != before {
				t.Errorf("it was %q, and is %q", before, after)
			}
		})
	}
}

// TestApplyOnMountPoint holds that a data directory that cannot be renamed is switched inside.
func TestApplyOnMountPoint(t *testing.T) {
	s := newSite(t)
	mountTmpfs(t, s.data, "")
	oldDirectory(t, s.data)
	before := digest(t, filepath.Join(s.data, "member"))
	out, err := s.applier().Run(t.Context())
	if err != nil || digest(t, out.Kept) != before || !strings.HasPrefix(out.Kept, s.data+"/member.") {
		t.Fatalf("%+v %v", out, err)
	}
	if _, err := os.Stat(filepath.Join(s.data, "etcdward-new-"+s.plan.ShortID())); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
	if _, err := s.applier().Rollback(t.Context()); err != nil || digest(t, filepath.Join(s.data, "member")) != before {
		t.Errorf("rollback: %v", err)
	}
}

// TestFailureGoesBack fails every step once, then applies.
func TestFailureGoesBack(t *testing.T) {
	boom := errors.New("boom")
	for _, step := range []Step{place.StepRestoring, place.StepReady, place.StepSwitching, place.StepDone} {
		t.Run(string(step), func(t *testing.T) {
			s := newSite(t)
			before := digest(t, s.data)
			a := s.applier()
			a.Before = func(now Step) error {
				if now == step {
					return boom
				}
				return nil
			}
			if _, err := a.Run(t.Context()); !errors.Is(err, boom) || digest(t, s.data) != before {
				t.Fatalf("error %v; the old directory is changed: %t", err, digest(t, s.data) != before)
			}
			if _, err := s.applier().Run(t.Context()); err != nil {
				t.Fatalf("afterwards: %v", err)
			}
			s.holds(t, s.data)
		})
	}
}

// TestCancelled ends in the middle and leaves nothing behind but the journal.
func TestCancelled(t *testing.T) {
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	a := s.applier()
	a.Progress = func(step string, _, _ int64) {
		if step == "copy for the check" {
			cancel()
		}
	}
	if _, err := a.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if names := s.names(t); len(names) != 2 {
		t.Errorf("left behind: %v", names)
	}
}

// TestCheckFindsADifference restores something else than the snapshot says, which only the boot can tell.
func TestCheckFindsADifference(t *testing.T) {
	s := newSite(t)
	a := s.applier()
	a.member = s.plan.Members[0]
	l, err := place.Locate(s.data, s.plan.ShortID())
	if err != nil {
		t.Fatal(err)
	}
	lock, err := place.Lock(t.Context(), s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	a.lock = lock
	other := s.plan
	other.RevisionBump++
	if err := unpack.Run(t.Context(), order(other, a.member, s.file, l.Work), func(int64, int64) {}, lock); err != nil {
		t.Fatal(err)
	}
	if err := a.check(t.Context(), l, s.file); err == nil {
		t.Fatal("a directory of another bump passed the check")
	}
}

// TestDiffers holds that each number counts.
func TestDiffers(t *testing.T) {
	want := snapshot.RestoredFacts{Revision: 9, Keys: 3, Hash: 7}
	if err := differs(scratch.Reading{Revision: 9, CompactRevision: 9, Keys: 3, Hash: 7}, want); err != nil {
		t.Error(err)
	}
	for _, got := range []scratch.Reading{
		{Revision: 8, CompactRevision: 9, Keys: 3, Hash: 7}, {Revision: 9, CompactRevision: 8, Keys: 3, Hash: 7},
		{Revision: 9, CompactRevision: 9, Keys: 2, Hash: 7}, {Revision: 9, CompactRevision: 9, Keys: 3, Hash: 6},
	} {
		if err := differs(got, want); !errors.Is(err, ErrDiffers) {
			t.Errorf("%+v passed: %v", got, err)
		}
	}
}
