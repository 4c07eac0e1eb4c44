package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bytes"

	"github.com/etcdward/etcdward/agent/catalog"
	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/verify"
	"github.com/etcdward/etcdward/test/cluster"
)

// TestExitCodes holds what scripts rely on: the code, what is said, and where to go from there.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := site{dir: dir, config: filepath.Join(dir, "config.yaml"), state: filepath.Join(dir, "state"), store: filepath.Join(dir, "store")}
	if err := os.Mkdir(empty.store, 0o700); err != nil {
		t.Fatal(err)
	}
	// Nobody listens on port 1.
	config := fmt.Sprintf("cluster: {name: test, endpoints: [\"http://127.0.0.1:1\"]}\nstores: [{name: primary, directory: {path: %s}}]\n", empty.store)
	if err := os.WriteFile(empty.config, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		args []string
		code int
		says string
	}{
		{[]string{"version"}, exitOK, ""},
		{[]string{"config", "check"}, exitOK, ""},
		{[]string{"list"}, exitOK, ""},
		{[]string{"prune"}, exitFindings, "no snapshot is proven"},
		{[]string{"status"}, exitFindings, ""},
		{[]string{"snapshot"}, exitFailed, "Try: check cluster.endpoints"},
		{[]string{"show", "20260101T000000Z-1"}, exitNotFound, "Try: etcdward list"},
		{[]string{"show", "../../etc/passwd"}, exitNotFound, "no such snapshot"},
		{[]string{"verify"}, exitNotFound, "there is none yet"},
		{[]string{"verify", "--file", "/nonexistent"}, exitFailed, "no such file"},
		{[]string{"fetch", "latest", "--output", filepath.Join(dir, "x")}, exitNotFound, "no such snapshot"},
		{[]string{"fetch", "latest"}, exitUsage, "--output PATH is needed"},
		{[]string{"fetch"}, exitUsage, "Try: etcdward --help"},
		{[]string{"list", "extra"}, exitUsage, "unknown command"},
		{[]string{"list", "--store", "second"}, exitUsage, `no store is called "second"`},
		{[]string{"list", "-o", "xml"}, exitUsage, "neither table nor json"},
		{[]string{"list", "--bogus"}, exitUsage, "unknown flag"},
		{[]string{"bogus"}, exitUsage, `unknown command "bogus"`},
		{[]string{"snapshoot"}, exitUsage, "did you mean snapshot?"},
		{[]string{"backup"}, exitUsage, "did you mean snapshot?"},
		{[]string{"config", "chek"}, exitUsage, "did you mean config check?"},
		{[]string{"restore", "aply"}, exitUsage, "did you mean restore apply?"},
		{[]string{"help", "lst"}, exitUsage, "did you mean list?"},
		{[]string{"prune", "--dry-run", "--confirm"}, exitUsage, "not both"},
		{[]string{"config"}, exitUsage, "check or show?"},
		{[]string{"--config", "/nonexistent", "list"}, exitConfig, "no such file"},
	}
	for _, c := range cases {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			r := empty.etcdward(t, c.args...)
			if r.code != c.code || !strings.Contains(r.err, c.says) {
				t.Errorf("exit %d, want %d; stderr lacks %q:\n%s", r.code, c.code, c.says, r.err)
			}
			if c.code != exitOK && c.says != "" && !strings.Contains("\n"+r.err, "\netcdward: ") {
				t.Errorf("the error does not begin with the program's name:\n%s", r.err)
			}
		})
	}
	t.Run("an error as JSON", func(t *testing.T) {
		r := empty.etcdward(t, "-o", "json", "show", "20260101T000000Z-1")
		var e struct {
			Error struct {
				Code          int
				Message, Hint string
			}
		}
		if err := json.Unmarshal([]byte(r.err), &e); err != nil || e.Error.Code != exitNotFound || e.Error.Message == "" || e.Error.Hint == "" {
			t.Errorf("%v %+v %s", err, e, r.err)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		var errs bytes.Buffer
		code := run(ctx, []string{"--config", empty.config, "--state-dir", empty.state, "list"}, stdio{strings.NewReader(""), &bytes.Buffer{}, &errs})
		if code != exitInterrupted {
			t.Errorf("exit %d: %s", code, errs.String())
		}
	})
}

// TestWrongConfigs checks that each wrong file is refused with its place and exit code 78.
func TestWrongConfigs(t *testing.T) {
	files, err := filepath.Glob("../../agent/config/testdata/wrong/*.yaml")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files %v", len(files), err)
	}
	for _, file := range files {
		r := site{config: file, state: t.TempDir()}.etcdward(t, "config", "check")
		if r.code != exitConfig || !strings.Contains(r.err, filepath.Base(file)+":") {
			t.Errorf("%s: exit %d: %s", file, r.code, r.err)
		}
	}
	t.Logf("%d files", len(files))
}

// TestPruneAndRead walks through what an operator does with stored snapshots.
func TestPruneAndRead(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	second := t.TempDir()
	s := newSite(t, c, "retention: {keep_within: 0, keep_last: 2}")
	s.addStore(t, "second", second)
	var ids []string
	for range 4 {
		advance(t, c, c.Members[0])
		ids = append(ids, s.snapshot(t).ID)
	}
	plan := s.must(t, "prune", "--store", "primary")
	if !strings.Contains(plan, "2 would be removed, 2 kept") || !strings.Contains(plan, "newest proven") {
		t.Errorf("plan:\n%s", plan)
	}
	s.must(t, "prune", "--confirm", "--store", "primary")
	var all []struct{ ID, Store string }
	s.mustJSON(t, &all, "list")
	got := map[string][]string{}
	for _, m := range all {
		got[m.Store] = append(got[m.Store], m.ID)
	}
	if fmt.Sprint(got["primary"]) != fmt.Sprint(ids[2:]) || fmt.Sprint(got["second"]) != fmt.Sprint(ids) {
		t.Errorf("listed %v, taken %v", got, ids)
	}
	if table := s.must(t, "list"); strings.Count(table, "\n") != 7 || !strings.Contains(table, ids[0]) {
		t.Errorf("table:\n%s", table)
	}
	// The first store pruned it, the second still has it.
	s.must(t, "verify", ids[0])
	var shown struct {
		snapshot.Manifest
		Proofs []catalog.Proof
	}
	s.mustJSON(t, &shown, "show", ids[0])
	if len(shown.Proofs) != 1 || shown.Proofs[0].Check.Name != snapshot.CheckReadBack || !shown.Proofs[0].Check.OK {
		t.Errorf("proofs %+v", shown.Proofs)
	}
	output := filepath.Join(t.TempDir(), "fetched.db")
	s.must(t, "fetch", "latest", "--output", output)
	if r := s.etcdward(t, "fetch", "latest", "--output", output); r.code != exitFailed || !strings.Contains(r.err, "exists") {
		t.Errorf("fetch over an existing file: exit %d %s", r.code, r.err)
	}

	t.Run("one store away", func(t *testing.T) {
		away := second + ".away"
		if err := os.Rename(second, away); err != nil {
			t.Fatal(err)
		}
		advance(t, c, c.Members[0])
		r := s.etcdward(t, "snapshot")
		if r.code != exitFindings || !strings.Contains(r.err, "store second") {
			t.Errorf("exit %d: %s", r.code, r.err)
		}
		if r := s.etcdward(t, "list"); r.code != exitFindings || !strings.Contains(r.err, "store second") || !strings.Contains(r.out, ids[3]) {
			t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
		}
		if err := os.Rename(away, second); err != nil {
			t.Fatal(err)
		}
		// What waited is delivered with the next run, before the new one.
		advance(t, c, c.Members[0])
		s.must(t, "snapshot")
		s.mustJSON(t, &all, "list", "--store", "second")
		if len(all) != 6 {
			t.Errorf("second has %d of 6", len(all))
		}
	})

	t.Run("damaged in the store", func(t *testing.T) {
		var m snapshot.Manifest
		s.mustJSON(t, &m, "show", "latest")
		object := filepath.Join(s.store, m.Object.Key)
		body, err := os.ReadFile(object)
		if err != nil {
			t.Fatal(err)
		}
		body[len(body)/2] ^= 4
		if err := os.WriteFile(object, body, 0o600); err != nil {
			t.Fatal(err)
		}
		r := s.etcdward(t, "-o", "json", "verify", m.ID, "--store", "primary")
		var v verify.Verification
		if err := json.Unmarshal([]byte(r.out), &v); err != nil || r.code != exitFindings || v.OK || len(v.Checks) == 0 {
			t.Errorf("exit %d %v %+v", r.code, err, v)
		}
		if r := s.etcdward(t, "fetch", m.ID, "--store", "primary", "--output", output+".bad"); r.code != exitFindings {
			t.Errorf("fetch: exit %d %s", r.code, r.err)
		}
		if _, err := os.Stat(output + ".bad"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a damaged file was left: %v", err)
		}
		if err := os.Remove(object); err != nil {
			t.Fatal(err)
		}
		if r := s.etcdward(t, "list", "--store", "primary"); r.code != exitFindings || strings.Contains(r.out, m.ID) || !strings.Contains(r.err, "no data") {
			t.Errorf("list without data: exit %d %s%s", r.code, r.out, r.err)
		}
	})
}

// TestOtherCluster checks that one cluster never gets into another's backups.
func TestOtherCluster(t *testing.T) {
	first := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	other := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	for _, c := range []*cluster.Cluster{first, other} {
		c.FillKubernetes(t, 10)
	}
	s := newSite(t, first)
	mine := s.snapshot(t)
	intruder := newSite(t, other, fmt.Sprintf("stores: [{name: primary, directory: {path: %s}}]", s.store))
	r := intruder.etcdward(t, "snapshot")
	if r.code != exitFailed || !strings.Contains(r.err, "--accept-new-cluster") || !strings.Contains(r.err, mine.Cluster.ID) {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	if waiting, err := filepath.Glob(filepath.Join(intruder.state, "spool", "*.json")); err != nil || len(waiting) > 0 {
		t.Errorf("refused, and still spooled: %v %v", waiting, err)
	}
	var accepted snapshot.Manifest
	intruder.mustJSON(t, &accepted, "snapshot", "--accept-new-cluster")
	advance(t, other, other.Members[0])
	intruder.must(t, "snapshot") // once accepted, it stays so
	var all []snapshot.Manifest
	s.mustJSON(t, &all, "list")
	if len(all) != 3 || all[0].ID != mine.ID {
		t.Errorf("%d listed", len(all))
	}
}

// addStore adds a directory store to the configuration.
func (s site) addStore(t *testing.T, name, path string) {
	t.Helper()
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	with := strings.Replace(string(text), "stores:\n", fmt.Sprintf("stores:\n  - name: %s\n    directory: {path: %s}\n", name, path), 1)
	if with == string(text) {
		t.Fatal("no stores in the configuration")
	}
	// The first of the list stays the first.
	lines := strings.SplitAfter(with, "\n")
	for i, line := range lines {
		if strings.Contains(line, "- name: "+name) && i+3 < len(lines) {
			lines[i], lines[i+1], lines[i+2], lines[i+3] = lines[i+2], lines[i+3], lines[i], lines[i+1]
			break
		}
	}
	if err := os.WriteFile(s.config, []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedDoesNotCount checks that a snapshot which a read-back found damaged, or whose data has another size, protects no
// older one from being kept: prune keeps the newest that is still proven.
func TestDamagedDoesNotCount(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	s := newSite(t, c, "retention: {keep_within: 0, keep_last: 1}", "prune: {enabled: false}")
	var taken []snapshot.Manifest
	for range 4 {
		advance(t, c, c.Members[0])
		taken = append(taken, s.snapshot(t))
	}
	newest, cut := taken[3], taken[2]
	object := filepath.Join(s.store, newest.Object.Key)
	body, err := os.ReadFile(object)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/2] ^= 4
	if err := os.WriteFile(object, body, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(s.store, cut.Object.Key), 1000); err != nil {
		t.Fatal(err)
	}
	if r := s.etcdward(t, "verify", newest.ID); r.code != exitFindings {
		t.Fatalf("exit %d %s", r.code, r.err)
	}
	out := s.must(t, "prune", "--confirm")
	list := s.etcdward(t, "list")
	if !strings.Contains(list.out, taken[1].ID) || strings.Contains(list.out, taken[0].ID) {
		t.Errorf("the newest that is proven is %s; prune said\n%s\nleft is\n%s", taken[1].ID, out, list.out)
	}
	var st struct {
		LastProven struct{ ID string } `json:"last_proven"`
	}
	r := s.etcdward(t, "-o", "json", "status")
	if err := json.Unmarshal([]byte(r.out), &st); err != nil || st.LastProven.ID != taken[1].ID {
		t.Errorf("status names %q as proven, %v", st.LastProven.ID, err)
	}
}
