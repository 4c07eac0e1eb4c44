package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/test/tree"
)

// hostRoot is a host as setup sees it with --root.
type hostRoot struct{ tree.Tree }

// layout is a copy of one of the hosts that agent/discover knows.
func layout(t *testing.T, name string) hostRoot {
	t.Helper()
	return hostRoot{tree.Layout(t, name)}
}

// setup calls it for this host, without a terminal.
func (h hostRoot) setup(t *testing.T, args ...string) result {
	t.Helper()
	t.Setenv("ETCDWARD_CONFIG", "")
	var out, errs bytes.Buffer
	code := run(t.Context(), append([]string{"setup", "--root", h.Root}, args...), stdio{strings.NewReader(""), &out, &errs})
	return result{code, out.String(), errs.String()}
}

// must is setup that has to end with exit code 0.
func (h hostRoot) must(t *testing.T, args ...string) result {
	t.Helper()
	r := h.setup(t, args...)
	if r.code != exitOK {
		t.Fatalf("setup %v: exit %d\n%s%s", args, r.code, r.out, r.err)
	}
	return r
}

// toS3 are the flags for a host with that file that is to keep its backups in a bucket, with nobody to try it on.
var toS3 = []string{"--yes", "--name", "prod-eu1", "--store-s3", "etcd-backups", "--s3-region", "eu-central-1",
	"--s3-credentials-file", "/root/etcdward-s3", "--no-check"}

// TestSetupLayouts sets up a host of each kind. What it wrote is a configuration, and the output holds what comes next.
func TestSetupLayouts(t *testing.T) {
	for _, name := range []string{"kubeadm-1.34", "rke2", "k3s", "kubespray", "debian", "debian-tls", "external"} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, name)
			h.Write(t, "root/etcdward-s3", "keys")
			r := h.must(t, toS3...)
			check := site{config: filepath.Join(h.Root, tree.Config), state: t.TempDir()}.etcdward(t, "config", "check")
			if check.code != exitOK {
				t.Errorf("config check: exit %d %s", check.code, check.err)
			}
			for _, want := range []string{"Next snapshot:  20", "etcdward restore plan latest --output plan.yaml", "etcdward setup --yes --name prod-eu1 --store-s3 etcd-backups"} {
				if !strings.Contains(r.out, want) {
					t.Errorf("the output lacks %q:\n%s", want, r.out)
				}
			}
			before := h.State(t)
			for _, again := range [][]string{toS3, {"--yes"}} {
				if r := h.must(t, again...); !strings.Contains(r.out, "Nothing differs") {
					t.Errorf("again: %s", r.out)
				}
			}
			h.Unchanged(t, before)
		})
	}
}

// TestSetupNothingToDo holds that hosts without an etcd of ours are told what to do, and left alone.
func TestSetupNothingToDo(t *testing.T) {
	for name, says := range map[string]string{
		"talos": "talosctl -n NODE etcd snapshot", "openshift": "cluster-backup.sh", "empty": "run it on a control-plane host",
		"worker": "this host is a worker", "k3s-sqlite": "SQLite", "k3s-external": "datastore-endpoint", "rke2-agent": "an agent",
	} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, name)
			before := h.State(t)
			r := h.setup(t, toS3...)
			if r.code != exitFailed || !strings.Contains(r.err, says) || !strings.Contains(r.err, "\nTry: ") {
				t.Errorf("exit %d: %s", r.code, r.err)
			}
			r = h.setup(t, append(toS3, "-o", "json")...)
			var e struct {
				Error struct{ Message, Hint string }
			}
			if err := json.Unmarshal([]byte(r.err), &e); err != nil || e.Error.Message == "" || e.Error.Hint == "" || r.out != "" {
				t.Errorf("%v %+v\n%s", err, e, r.out)
			}
			h.Unchanged(t, before)
		})
	}
}

// TestSetupDryRun holds that a dry run shows everything and writes nothing.
func TestSetupDryRun(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	before := h.State(t)
	args := []string{"--dry-run", "--name", "prod", "--store-directory", "/mnt/backups"}
	r := h.must(t, args...)
	for _, want := range []string{"+++ " + filepath.Join(h.Root, tree.Config), "+    - https://127.0.0.1:2379", "+LoadCredential=etcd-key:/etc/kubernetes/pki/etcd/healthcheck-client.key",
		"+ReadWritePaths=-/mnt/backups", "+After=remote-fs.target", "nothing was changed, and nothing tried", "enable --now etcdward.service etcdward-certs.path"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the output lacks %q:\n%s", want, r.out)
		}
	}
	h.Unchanged(t, before)
	var o setupReport
	r = h.must(t, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(r.out), &o); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	if !o.DryRun || o.Written || o.Started || len(o.Files) != 4 || !o.Files[3].Changed || o.NextSnapshot == nil || o.Host.Kind != "kubeadm" || o.Host.Member != "cp-0" ||
		len(o.Host.Seen) == 0 || o.OtherHosts == "" {
		t.Errorf("got %+v", o)
	}
	h.Unchanged(t, before)
}

// TestSetupRefuses holds what is refused, with which code, and that nothing is written then.
func TestSetupRefuses(t *testing.T) {
	dir := "--store-directory"
	for name, c := range map[string]struct {
		before func(*testing.T, hostRoot)
		args   []string
		code   int
		says   string
	}{
		"no flags at all": {nil, nil, exitUsage, "--name CLUSTER (it is called prod here); one of --store-s3 BUCKET, --store-gcs BUCKET and --store-directory PATH; --yes"},
		"no region":       {nil, []string{"--yes", "--name", "a", "--store-s3", "bbb"}, exitUsage, "--s3-region REGION, or --s3-endpoint URL"},
		"a bad name":      {nil, []string{"--yes", "--name", "Prod", dir, "/b"}, exitUsage, "cluster.name: not a name"},
		"a secret key":    {nil, []string{"--yes", "--name", "a", dir, "/b", "--recipient", "AGE-SECRET-KEY-1CANARY"}, exitUsage, "this is a secret key"},
		"a bad path":      {nil, []string{"--yes", "--name", "a", dir, "/b\"c"}, exitConfig, "a unit takes no quotes"},
		"a relative path": {nil, []string{"--yes", "--name", "a", "--store-gcs", "bbb", "--gcs-credentials-file", "key.json"}, exitUsage, "no absolute, clean path"},
		"no NAME=PATH":    {nil, []string{"--yes", "--name", "a", dir, "/b", "--credential", "x"}, exitUsage, "give NAME=PATH"},
		"an argument":     {nil, []string{"now"}, exitUsage, "unknown command"},
		"a wrong configuration": {func(t *testing.T, h hostRoot) { h.Write(t, tree.Config, "cluster: {name: a}\nstorse: []\n") },
			[]string{"--yes", dir, "/b"}, exitConfig, "config.yaml:2:1: storse: unknown key"},
		"a configuration behind a link": {func(t *testing.T, h hostRoot) {
			h.Write(t, "srv/config.yaml", "")
			h.Write(t, "etc/etcdward/x", "")
			if err := os.Symlink("../../srv/config.yaml", filepath.Join(h.Root, tree.Config)); err != nil {
				t.Fatal(err)
			}
		}, []string{"--yes", "--name", "a", dir, "/b"}, exitFailed, "it is a link"},
		"a configuration that cannot be edited": {func(t *testing.T, h hostRoot) {
			h.Write(t, tree.Config, "cluster:\n  name: >-\n    a\nstores: [{name: x, directory: {path: /b}}]\n")
		}, []string{"--yes", "--name", "c"}, exitFailed, "Try: edit the configuration by hand"},
		"a manifest that cannot be understood": {func(t *testing.T, h hostRoot) {
			h.Write(t, "etc/kubernetes/manifests/etcd.yaml", "spec:\n  containers:\n  - name: etcd\n    command: etcd\n")
		}, []string{"--yes"}, exitFailed, "/etc/kubernetes/manifests/etcd.yaml:4: command is no list of words"},
		"a root that is not there": {nil, []string{"--root", "/nonexistent", "--yes"}, exitFailed, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, "kubeadm-1.34")
			if c.before != nil {
				c.before(t, h)
			}
			before := h.State(t)
			r := h.setup(t, c.args...)
			if r.code != c.code || !strings.Contains(r.err, c.says) {
				t.Errorf("exit %d, want %d with %q:\n%s", r.code, c.code, c.says, r.err)
			}
			if strings.Contains(r.out+r.err, "CANARY") {
				t.Errorf("a secret was shown:\n%s%s", r.out, r.err)
			}
			h.Unchanged(t, before)
		})
	}
}
