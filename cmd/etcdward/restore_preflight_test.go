package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	restoreplan "github.com/etcdward/etcdward/agent/restore/plan"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/test/cluster"
)

// listing names every file below a folder, with its size and the time that it was changed.
func listing(t *testing.T, root string) string {
	t.Helper()
	var text strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			text.WriteString(path + info.Mode().String() + info.ModTime().String() + "\n")
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return text.String()
}

// TestRestorePreflights refuses each thing in the way with exit code 1 and a way out, from the command line, before anything is touched.
func TestRestorePreflights(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	m, s := c.Members[0], newSite(t, c)
	file, plan := filepath.Join(s.dir, "s.db"), filepath.Join(s.dir, "plan.yaml")
	m.Etcdctl(t, "snapshot", "save", file)
	s.must(t, "restore", "plan", "--file", file, "--manifests", s.dir, "--output", plan)
	good, err := restoreplan.Load(plan)
	if err != nil {
		t.Fatal(err)
	}
	// change writes a plan that is sound in itself, and other than the good one.
	change := func(name string, by func(d *restoreplan.Draft)) string {
		t.Helper()
		d := restoreplan.Draft{Cluster: good.Cluster, Source: good.Snapshot, Members: []restoreplan.Member{{Name: m.Name, PeerURLs: []string{"http://127.0.0.1:1"}, DataDir: "/var/lib/etcd"}}}
		by(&d)
		p, err := restoreplan.New(d, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		text, err := p.Encode()
		path := filepath.Join(s.dir, name+".yaml")
		if err := errors.Join(err, os.WriteFile(path, text, 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write := func(name string, text []byte) string {
		t.Helper()
		path := filepath.Join(s.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	damaged, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged[len(damaged)/2] ^= 1
	text, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := change("elsewhere", func(*restoreplan.Draft) {})
	small := filepath.Join(s.dir, "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := unix.Mount("none", small, "tmpfs", 0, "size=32m"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(small, unix.MNT_DETACH) })
	}
	fresh := filepath.Join(s.dir, "etcd")
	for _, c := range []struct {
		name, plan, dir, says string
		more                  []string
	}{
		{"damaged snapshot", elsewhere, fresh, "damaged", []string{"--file", write("damaged.db", damaged)}},
		{"wrong SHA-256 in the plan", change("wrong", func(d *restoreplan.Draft) { d.Source.SHA256 = strings.Repeat("ab", 32) }), fresh, "the plan has abab", nil},
		{"disk too small", change("huge", func(d *restoreplan.Draft) {
			if os.Geteuid() != 0 {
				d.Source.SizeBytes = 1 << 40
			}
		}), filepath.Join(small, "etcd"), "not enough free space", nil},
		{"etcd running", plan, m.DataDir, "an etcd is running on", nil},
		{"target not empty", elsewhere, filepath.Dir(write("photos/cat.jpg", nil)), "is not empty", nil},
		{"downgrade", elsewhere, fresh, "downgrade", []string{"--etcd-version", "3.5.35"}},
		{"member not in the plan", elsewhere, fresh, `member "m9" is not in the plan`, []string{"--member", "m9"}},
		{"edited by hand", write("edited.yaml", bytes.Replace(text, []byte("127.0.0.1"), []byte("127.0.0.2"), 1)), fresh, "changed after it was made", nil},
		{"clock", change("early", func(d *restoreplan.Draft) { d.Source.TakenAt = time.Now().Add(time.Hour) }), fresh, "the clock of this host", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := listing(t, s.dir)
			if c.dir == m.DataDir {
				before = ""
			}
			r := s.restore(t, "", append([]string{"apply", c.plan, "--member", m.Name, "--data-dir", c.dir, "--yes", "--etcd-version", "3.6.16"}, c.more...)...)
			if r.code != exitFailed || !strings.Contains(r.err, c.says) || !strings.Contains(r.err, "\nTry: ") {
				t.Errorf("exit %d, lacks %q or a way out\n%s", r.code, c.says, r.err)
			}
			if before != "" && listing(t, s.dir) != before {
				t.Errorf("something was touched")
			}
			if left, err := filepath.Glob(c.dir + ".etcdward-*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// TestRestoreYoungSnapshot: a file without a storage version (of 3.5, or of the first seconds of a 3.6) is not for an
// older etcd either.
func TestRestoreYoungSnapshot(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Version: "3.5", Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 5)
	s := newSite(t, c)
	file, plan := filepath.Join(s.dir, "s.db"), filepath.Join(s.dir, "plan.yaml")
	c.Members[0].Etcdctl(t, "snapshot", "save", file)
	s.must(t, "restore", "plan", "--file", file, "--manifests", s.dir, "--output", plan)
	r := s.restore(t, "", "apply", plan, "--member", c.Members[0].Name, "--data-dir", filepath.Join(s.dir, "etcd"), "--yes", "--etcd-version", "3.4.38")
	if r.code != exitFailed || !strings.Contains(r.err, "this host has etcd 3.4.38 and the snapshot is of 3.5.0: that would be a downgrade") {
		t.Errorf("exit %d\n%s", r.code, r.err)
	}
}
