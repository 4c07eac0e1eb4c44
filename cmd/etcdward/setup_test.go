package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/config"
)

// hostRoot is a host as setup sees it with --root.
type hostRoot struct{ root string }

const (
	serviceDropIn = "etc/systemd/system/etcdward.service.d/setup.conf"
	certsDropIn   = "etc/systemd/system/etcdward-certs.path.d/setup.conf"
	renewDropIn   = "etc/systemd/system/etcdward-certs.service.d/setup.conf"
	hostConfig    = "etc/etcdward/config.yaml"
)

// layout is a copy of one of the hosts that agent/discover knows.
func layout(t *testing.T, name string) hostRoot {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(filepath.Join("../../agent/discover/testdata", name))); err != nil {
		t.Fatal(err)
	}
	return hostRoot{root}
}

func (h hostRoot) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(h.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (h hostRoot) read(t *testing.T, name string) string { return read(t, filepath.Join(h.root, name)) }

// setup calls it for this host, without a terminal.
func (h hostRoot) setup(t *testing.T, args ...string) result {
	t.Helper()
	t.Setenv("ETCDWARD_CONFIG", "")
	var out, errs bytes.Buffer
	code := run(t.Context(), append([]string{"setup", "--root", h.root}, args...), stdio{strings.NewReader(""), &out, &errs})
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

// state is every file of the host: its content, its mode, and when it was written.
func (h hostRoot) state(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(h.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all[path] = info.Mode().String() + info.ModTime().String() + read(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (h hostRoot) unchanged(t *testing.T, before map[string]string) {
	t.Helper()
	after := h.state(t)
	for path := range after {
		if before[path] != after[path] {
			t.Errorf("%s was written", path)
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d files became %d", len(before), len(after))
	}
}

// toS3 are the flags for a host with that file that is to keep its backups in a bucket, with nobody to try it on.
var toS3 = []string{"--yes", "--name", "prod-eu1", "--store-s3", "etcd-backups", "--s3-region", "eu-central-1",
	"--s3-credentials-file", "/root/etcdward-s3", "--no-check"}

// TestSetupLayouts sets up a host of each kind. What is written is held to the byte, is a configuration, and stays as it is when
// setup is run again.
func TestSetupLayouts(t *testing.T) {
	for _, name := range []string{"kubeadm-1.34", "rke2", "k3s", "kubespray", "debian", "debian-tls", "external"} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, name)
			h.write(t, "root/etcdward-s3", "keys")
			r := h.must(t, toS3...)
			for file, golden := range map[string]string{hostConfig: "config.yaml", serviceDropIn: "service.conf", certsDropIn: "certs.conf", renewDropIn: "renew.conf"} {
				golden = filepath.Join("testdata/setup", name, golden)
				want, err := os.ReadFile(golden)
				if err != nil {
					if _, err := os.Stat(filepath.Join(h.root, file)); err == nil {
						t.Errorf("%s was written, and there is no %s", file, golden)
					}
					continue
				}
				if got := h.read(t, file); got != string(want) {
					t.Errorf("%s is\n%s\nwant\n%s", file, got, want)
				}
				if info, err := os.Stat(filepath.Join(h.root, file)); err != nil || info.Mode().Perm() != 0o644 {
					t.Errorf("%s: mode %v, %v", file, info.Mode(), err)
				}
			}
			cfg, err := config.Load(filepath.Join(h.root, hostConfig))
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Cluster.Name != "prod-eu1" || cfg.Stores[0].S3.Bucket != "etcd-backups" {
				t.Errorf("it says %s", cfg.YAML())
			}
			check := site{config: filepath.Join(h.root, hostConfig), state: t.TempDir()}.etcdward(t, "config", "check")
			if check.code != exitOK {
				t.Errorf("config check: exit %d %s", check.code, check.err)
			}
			for _, want := range []string{"Next snapshot:  20", "etcdward restore plan latest --output plan.yaml", "etcdward setup --yes --name prod-eu1 --store-s3 etcd-backups"} {
				if !strings.Contains(r.out, want) {
					t.Errorf("the output lacks %q:\n%s", want, r.out)
				}
			}
			before := h.state(t)
			for _, again := range [][]string{toS3, {"--yes"}} {
				if r := h.must(t, again...); !strings.Contains(r.out, "Nothing differs") {
					t.Errorf("again: %s", r.out)
				}
			}
			h.unchanged(t, before)
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
			before := h.state(t)
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
			h.unchanged(t, before)
		})
	}
}

// TestSetupDryRun holds that a dry run shows everything and writes nothing.
func TestSetupDryRun(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	before := h.state(t)
	args := []string{"--dry-run", "--name", "prod", "--store-directory", "/mnt/backups"}
	r := h.must(t, args...)
	for _, want := range []string{"+++ " + filepath.Join(h.root, hostConfig), "+    - https://127.0.0.1:2379", "+LoadCredential=etcd-key:/etc/kubernetes/pki/etcd/healthcheck-client.key",
		"+ReadWritePaths=-/mnt/backups", "+After=remote-fs.target", "nothing was changed, and nothing tried", "enable --now etcdward.service etcdward-certs.path"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the output lacks %q:\n%s", want, r.out)
		}
	}
	h.unchanged(t, before)
	var o setupOutcome
	r = h.must(t, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(r.out), &o); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	if !o.DryRun || o.Written || o.Started || len(o.Files) != 4 || !o.Files[3].Changed || o.NextSnapshot == nil || o.Host.Kind != "kubeadm" || o.Host.Member != "cp-0" ||
		len(o.Host.Seen) == 0 || o.OtherHosts == "" {
		t.Errorf("got %+v", o)
	}
	h.unchanged(t, before)
}

// TestSetupEdits holds that an operator's configuration keeps every line that no flag speaks of.
func TestSetupEdits(t *testing.T) {
	const theirs = `# Ours. Ask Ada before you touch it.
cluster: {name: prod, endpoints: [https://10.0.0.1:2379, https://10.0.0.2:2379]}   # all seeds

snapshot:
  schedule: "*/30 * * * *"   # twice an hour

stores:
  # the first
  - name: offsite
    s3: {bucket: etcd-backups, region: us-east-1}
    retention: {keep_last: 48}
  # - name: nas

log: {level: debug}
`
	for name, c := range map[string]struct {
		args []string
		want func(string) string
	}{
		"nothing that differs": {nil, func(s string) string { return s }},
		"a second store": {[]string{"--store-directory", "/mnt/backups"}, func(s string) string {
			return strings.Replace(s, "    retention: {keep_last: 48}\n", "    retention: {keep_last: 48}\n  - name: primary\n    directory:\n      path: /mnt/backups\n", 1)
		}},
		"another region and keys of the store that is there": {[]string{"--store-s3", "etcd-backups", "--s3-region", "eu-central-1", "--s3-credentials-file", "/root/s3"}, func(s string) string {
			return strings.Replace(s, "region: us-east-1}", "region: eu-central-1, credentials_file: credential:s3-offsite}", 1)
		}},
		"a recipient": {[]string{"--recipient", "age19sywdnahy2y0vc23h3w2f9p085ujf5g9ue4wx6zmx7zsl538ks3s8sr237"}, func(s string) string {
			return strings.Replace(s, "# twice an hour\n", "# twice an hour\n  recipients:\n    - age19sywdnahy2y0vc23h3w2f9p085ujf5g9ue4wx6zmx7zsl538ks3s8sr237\n", 1)
		}},
		"another name": {[]string{"--name", "prod-2"}, func(s string) string { return strings.Replace(s, "{name: prod,", "{name: prod-2,", 1) }},
		"endpoints that a flag names": {[]string{"--endpoint", "https://h:2379", "--ca-file", "/x/ca", "--cert-file", "/x/c", "--key-file", "/x/k"}, func(s string) string {
			return strings.Replace(s, "[https://10.0.0.1:2379, https://10.0.0.2:2379]", "[https://h:2379]", 1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, "kubeadm-1.34")
			h.write(t, hostConfig, theirs)
			for _, f := range []string{"x/ca", "x/c", "x/k", "root/s3"} {
				h.write(t, f, "in place of a certificate")
			}
			args := append([]string{"--yes", "--no-check"}, c.args...)
			h.must(t, args...)
			if got := h.read(t, hostConfig); got != c.want(theirs) {
				t.Errorf("got\n%s\nwant\n%s", got, c.want(theirs))
			}
			before := h.state(t)
			h.must(t, args...)
			h.must(t, "--yes")
			h.unchanged(t, before)
		})
	}
}

// TestSetupReplacesSample holds that the sample which the packages bring gives way, but for the line that editors read.
func TestSetupReplacesSample(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	const line = "# yaml-language-server: $schema=/usr/share/etcdward/schema/config.schema.json\n"
	h.write(t, hostConfig, line+"# A sample.\n#cluster:\n#  name: x\n")
	h.must(t, toS3...)
	if got, want := h.read(t, hostConfig), line+read(t, "testdata/setup/kubeadm-1.34/config.yaml"); got != want {
		t.Errorf("got\n%s", got)
	}
}

// TestSetupDropIns holds that what an operator wrote beside setup's drop-ins is not said twice, and what setup knew is kept.
func TestSetupDropIns(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	h.write(t, "etc/systemd/system/etcdward.service.d/credentials.conf", "[Service]\nLoadCredential = etcd-ca:/etc/kubernetes/pki/etcd/ca.crt\nLoadCredentialEncrypted=etcd-key:/etc/key.cred\n")
	h.write(t, "etc/systemd/system/etcdward-certs.path.d/files.conf", "[Path]\nPathChanged=\nPathChanged=/x\n")
	h.write(t, hostConfig, "cluster: {name: a, username: root, password_file: credential:etcd-password}\nstores: [{name: x, s3: {bucket: bbb, region: r, credentials_file: credential:mine}}]\n")
	for _, f := range []string{"etc/key.cred", "root/50% of it", "root/p", "new/client.crt"} {
		h.write(t, f, "in place of a secret")
	}
	r := h.setup(t, "--yes", "--no-check")
	if r.code != exitFailed || !strings.Contains(r.err, "credential:etcd-password, credential:mine") || !strings.Contains(r.err, "--credential etcd-password=PATH") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	h.must(t, "--yes", "--no-check", "--credential", "mine=/root/50% of it", "--credential", "etcd-password=/root/p")
	want := dropInHead + "[Service]\nLoadCredential=etcd-cert:/etc/kubernetes/pki/etcd/healthcheck-client.crt\nLoadCredential=etcd-password:/root/p\nLoadCredential=mine:/root/50%% of it\n"
	if got := h.read(t, serviceDropIn); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := os.Stat(filepath.Join(h.root, certsDropIn)); err == nil {
		t.Error("the operator's paths to watch are overruled")
	}
	want = dropInHead + "[Unit]\nConditionPathExists=/etc/kubernetes/pki/etcd/healthcheck-client.crt\nConditionPathExists=/root/p\nConditionPathExists=/root/50%% of it\n" +
		"ConditionPathExists=/etc/kubernetes/pki/etcd/ca.crt\nConditionPathExists=/etc/key.cred\n"
	if got := h.read(t, renewDropIn); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	before := h.state(t)
	h.must(t, "--yes")
	h.unchanged(t, before)

	// Where nobody else says what to watch, secrets are watched as the certificates are; an encrypted one has no file to watch.
	h.write(t, "etc/systemd/system/etcdward-certs.path.d/files.conf", "")
	h.must(t, "--yes", "--no-check")
	want = dropInHead + "[Path]\nPathChanged=\nPathChanged=/etc/kubernetes/pki/etcd/ca.crt\nPathChanged=/etc/kubernetes/pki/etcd/healthcheck-client.crt\n" +
		"PathChanged=/root/p\nPathChanged=/root/50%% of it\n"
	if got := h.read(t, certsDropIn); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	// Certificates that have moved are followed.
	h.must(t, "--yes", "--no-check", "--cert-file", "/new/client.crt")
	if got := h.read(t, serviceDropIn); !strings.Contains(got, "LoadCredential=etcd-cert:/new/client.crt\n") || !strings.Contains(got, "mine:/root/50%% of it\n") {
		t.Errorf("got\n%s", got)
	}
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
		"a wrong configuration": {func(t *testing.T, h hostRoot) { h.write(t, hostConfig, "cluster: {name: a}\nstorse: []\n") },
			[]string{"--yes", dir, "/b"}, exitConfig, "config.yaml:2:1: storse: unknown key"},
		"a configuration behind a link": {func(t *testing.T, h hostRoot) {
			h.write(t, "srv/config.yaml", "")
			h.write(t, "etc/etcdward/x", "")
			if err := os.Symlink("../../srv/config.yaml", filepath.Join(h.root, hostConfig)); err != nil {
				t.Fatal(err)
			}
		}, []string{"--yes", "--name", "a", dir, "/b"}, exitFailed, "it is a link"},
		"a configuration that cannot be edited": {func(t *testing.T, h hostRoot) {
			h.write(t, hostConfig, "cluster:\n  name: >-\n    a\nstores: [{name: x, directory: {path: /b}}]\n")
		}, []string{"--yes", "--name", "c"}, exitFailed, "Try: edit the configuration by hand"},
		"a manifest that cannot be understood": {func(t *testing.T, h hostRoot) {
			h.write(t, "etc/kubernetes/manifests/etcd.yaml", "spec:\n  containers:\n  - name: etcd\n    command: etcd\n")
		}, []string{"--yes"}, exitFailed, "/etc/kubernetes/manifests/etcd.yaml:4: command is no list of words"},
		"a root that is not there": {nil, []string{"--root", "/nonexistent", "--yes"}, exitFailed, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, "kubeadm-1.34")
			if c.before != nil {
				c.before(t, h)
			}
			before := h.state(t)
			r := h.setup(t, c.args...)
			if r.code != c.code || !strings.Contains(r.err, c.says) {
				t.Errorf("exit %d, want %d with %q:\n%s", r.code, c.code, c.says, r.err)
			}
			if strings.Contains(r.out+r.err, "CANARY") {
				t.Errorf("a secret was shown:\n%s%s", r.out, r.err)
			}
			h.unchanged(t, before)
		})
	}
}

func TestMayWrite(t *testing.T) {
	for _, c := range []struct {
		euid int
		r    setupRequest
		ok   bool
	}{{0, setupRequest{root: "/"}, true}, {1000, setupRequest{root: "/"}, false}, {1000, setupRequest{root: "/", dryRun: true}, true}, {1000, setupRequest{root: "/tmp/x"}, true}} {
		if err := mayWrite(c.euid, c.r); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		} else if err != nil && !strings.Contains(hintFor(err), "sudo") {
			t.Errorf("no way out of %v", err)
		}
	}
}
