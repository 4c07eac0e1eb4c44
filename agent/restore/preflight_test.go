package restore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/restore/place"
	"golang.org/x/sys/unix"
)

// TestPreflights holds that each thing in the way is named with a way out, before anything is touched.
func TestPreflights(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n\r\n") // the other side may be gone
			_ = conn.Close()
		}
	}()
	cases := []struct {
		name, says string
		spoil      func(t *testing.T, s *site, a *Applier)
	}{
		{"damaged snapshot", "damaged", func(t *testing.T, s *site, _ *Applier) {
			text, err := os.ReadFile(s.file)
			if err != nil {
				t.Fatal(err)
			}
			text[len(text)/2] ^= 1
			if err := os.WriteFile(s.file, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"wrong SHA-256 in the plan", "the plan has", func(t *testing.T, s *site, a *Applier) {
			d := draft(t, s.file, s.data)
			d.Source.SHA256 = strings.Repeat("ab", 32)
			a.Plan = mustPlan(t, d)
		}},
		{"disk too small", "not enough free space", func(t *testing.T, s *site, a *Applier) {
			d := draft(t, s.file, s.data)
			d.Source.SizeBytes = 1 << 40
			a.Plan = mustPlan(t, d)
		}},
		{"etcd has the database open", "is running", func(t *testing.T, s *site, _ *Applier) {
			file, err := os.Open(filepath.Join(s.data, "member", "snap", "db"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = file.Close() })
			if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
				t.Fatal(err)
			}
		}},
		{"etcd answers", "is running", func(t *testing.T, s *site, a *Applier) {
			d := draft(t, s.file, s.data)
			d.Members[0].PeerURLs = []string{"http://" + listener.Addr().String()}
			a.Plan = mustPlan(t, d)
		}},
		{"target of something else", "is not empty", func(t *testing.T, s *site, _ *Applier) {
			if err := os.Rename(filepath.Join(s.data, "member"), filepath.Join(s.data, "photos")); err != nil {
				t.Fatal(err)
			}
		}},
		{"a log elsewhere", "has a database and no log", func(t *testing.T, s *site, _ *Applier) {
			if err := errors.Join(os.RemoveAll(filepath.Join(s.data, "member", "wal")), os.Truncate(filepath.Join(s.data, "member", "snap", "db"), 1<<20)); err != nil {
				t.Fatal(err)
			}
		}},
		{"a log behind a link", "is a link", func(t *testing.T, s *site, _ *Applier) {
			wal := filepath.Join(s.data, "member", "wal")
			if err := errors.Join(os.Rename(wal, s.data+"-wal"), os.Symlink(s.data+"-wal", wal)); err != nil {
				t.Fatal(err)
			}
		}},
		{"target is a file", "not a directory", func(t *testing.T, s *site, a *Applier) { a.DataDir = filepath.Join(s.data, "member", "snap", "db") }},
		{"target in a folder that is not there", "not there", func(_ *testing.T, s *site, a *Applier) { a.DataDir = filepath.Join(s.dir, "mnt", "etcd") }},
		{"target is a link to a disk that is not there", "which is not there", func(t *testing.T, s *site, _ *Applier) {
			if err := errors.Join(os.Rename(s.data, s.data+"-old"), os.Symlink("/mnt/gone/etcd", s.data)); err != nil {
				t.Fatal(err)
			}
		}},
		{"target of another member", "is of member cp-7, and not of m1", func(t *testing.T, s *site, _ *Applier) {
			if err := os.WriteFile(filepath.Join(s.data, "name"), []byte("cp-7"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"in the middle of another plan", "restore with another plan", func(t *testing.T, s *site, _ *Applier) {
			other := mustPlan(t, draft(t, s.file, s.data))
			a := &Applier{Plan: other, Member: "m1", Fetch: func(context.Context) (string, error) { return s.file, nil }}
			a.Before = func(step Step) error {
				if step == place.StepSwitching {
					panic("killed")
				}
				return nil
			}
			defer func() { _ = recover() }()
			_, err := a.Run(t.Context())
			t.Fatalf("it was not killed: %v", err)
		}},
		{"downgrade", "downgrade", func(_ *testing.T, _ *site, a *Applier) { a.EtcdVersion = "3.5.35" }},
		{"another member", `member "m9" is not in the plan, which has m1`, func(_ *testing.T, _ *site, a *Applier) { a.Member = "m9" }},
		{"clock behind", "clock", func(_ *testing.T, _ *site, a *Applier) {
			a.Now = func() time.Time { return time.Now().Add(-time.Hour) }
		}},
		{"clock behind the snapshot", "before the snapshot was taken", func(t *testing.T, s *site, a *Applier) {
			d := draft(t, s.file, s.data)
			d.Source.TakenAt = time.Now().Add(time.Hour)
			a.Plan = mustPlan(t, d)
		}},
		{"not confirmed", "not now", func(_ *testing.T, _ *site, a *Applier) {
			a.Confirm = func() error { return fault.WithHint(errors.New("not now"), "later") }
		}},
		{"another run at work", "another restore", func(t *testing.T, s *site, _ *Applier) {
			folder, err := os.Open(s.dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = folder.Close() })
			if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX); err != nil {
				t.Fatal(err)
			}
		}},
		{"old one in the way", "is there already", func(t *testing.T, s *site, _ *Applier) {
			if err := os.Mkdir(s.data+".etcdward-old-"+s.plan.ShortID(), 0o700); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			a := s.applier()
			c.spoil(t, &s, a)
			before := digest(t, s.dir)
			_, err := a.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v lacks %q", err, c.says)
			}
			var way interface{ Hint() string }
			if !errors.As(err, &way) {
				t.Errorf("no way out: %v", err)
			}
			if digest(t, s.dir) != before {
				t.Errorf("something was touched: %v", s.names(t))
			}
		})
	}
}

// TestDryRun tells the steps and touches nothing.
func TestDryRun(t *testing.T) {
	s := newSite(t)
	a := s.applier()
	a.DryRun = true
	var said strings.Builder
	a.Tell = func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
	before := digest(t, s.dir)
	out, err := a.Run(t.Context())
	if err != nil || out.Step != place.StepNone && out.Step != "" || digest(t, s.dir) != before || !strings.Contains(said.String(), "3. rename "+s.data) {
		t.Errorf("%+v %v\n%s", out, err, said.String())
	}
}

// TestRunningAfterReady holds that an etcd that was started while the new directory was in the making stops the switch, and that
// the work is not lost.
func TestRunningAfterReady(t *testing.T) {
	s := newSite(t)
	before := digest(t, s.data)
	a := s.applier()
	var file *os.File
	a.Before = func(step Step) (err error) {
		if step == place.StepReady {
			if file, err = os.Open(filepath.Join(s.data, "member", "snap", "db")); err == nil {
				err = unix.Flock(int(file.Fd()), unix.LOCK_EX)
			}
		}
		return err
	}
	if _, err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "running") || digest(t, s.data) != before {
		t.Fatalf("error %v", err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	again := s.applier()
	again.Fetch = func(context.Context) (string, error) { return "", errors.New("asked for the file again") }
	if _, err := again.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}
