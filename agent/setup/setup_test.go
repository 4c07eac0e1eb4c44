package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/fault"
)

// toS3 asks for backups in a bucket, for a host with that file, with nobody to try it on.
var toS3 = Request{Yes: true, Name: "prod-eu1", S3: config.S3{Bucket: "etcd-backups", Region: "eu-central-1"}, S3Keys: "/root/etcdward-s3", NoCheck: true}

// TestLayouts sets up a host of each kind. What is written is held to the byte, is a configuration, and stays as it is when setup is run
// again.
func TestLayouts(t *testing.T) {
	for _, name := range []string{"kubeadm-1.34", "rke2", "k3s", "kubespray", "debian", "debian-tls", "external"} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, name)
			h.Write(t, "root/etcdward-s3", "keys")
			r := h.must(t, toS3)
			h.golden(t, name)
			cfg, err := config.Load(filepath.Join(h.Root, hostConfig))
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Cluster.Name != "prod-eu1" || cfg.Stores[0].S3.Bucket != "etcd-backups" {
				t.Errorf("it says %s", cfg.YAML())
			}
			if !r.Written || r.Started || r.NextSnapshot.Before(time.Now().UTC()) || r.Config.Cluster.Name != "prod-eu1" {
				t.Errorf("the outcome is %+v", r.Outcome)
			}
			if o := r.Others; o == nil || o.CopyConfig || !o.Yes || o.Name != "prod-eu1" || o.S3 != toS3.S3 || o.S3Keys != toS3.S3Keys || o.Root != "" {
				t.Errorf("the other hosts are to get %+v", o)
			}
			before := h.State(t)
			for _, again := range []Request{toS3, {Yes: true}} {
				h.must(t, again).nothingDiffers(t)
			}
			h.Unchanged(t, before)
		})
	}
}

// golden holds what was written to the files of testdata.
func (h hostRoot) golden(t *testing.T, name string) {
	t.Helper()
	for file, golden := range map[string]string{hostConfig: "config.yaml", serviceDropIn: "service.conf", certsDropIn: "certs.conf", renewDropIn: "renew.conf"} {
		golden = filepath.Join("testdata", name, golden)
		want, err := os.ReadFile(golden)
		if err != nil {
			if _, err := os.Stat(filepath.Join(h.Root, file)); err == nil {
				t.Errorf("%s was written, and there is no %s", file, golden)
			}
			continue
		}
		if got := h.Read(t, file); got != string(want) {
			t.Errorf("%s is\n%s\nwant\n%s", file, got, want)
		}
		if info, err := os.Stat(filepath.Join(h.Root, file)); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: mode %v, %v", file, info.Mode(), err)
		}
	}
}

// TestNothingToDo holds that hosts without an etcd of ours are refused with a way out, and left alone.
func TestNothingToDo(t *testing.T) {
	for name, says := range map[string]string{
		"talos": "talosctl -n NODE etcd snapshot", "openshift": "cluster-backup.sh", "empty": "run it on a control-plane host",
		"worker": "this host is a worker", "k3s-sqlite": "SQLite", "k3s-external": "datastore-endpoint", "rke2-agent": "an agent",
	} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, name)
			before := h.State(t)
			r := h.setup(t, toS3)
			if r.kind() != failed || !strings.Contains(r.err.Error()+fault.Hint(r.err), says) || fault.Hint(r.err) == "" || len(r.events) > 0 {
				t.Errorf("to blame is %s: %v", r.kind(), r.err)
			}
			h.Unchanged(t, before)
		})
	}
}

// TestDryRun holds that a dry run plans everything, and neither tries nor writes.
func TestDryRun(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	before := h.State(t)
	r := h.must(t, Request{DryRun: true, Name: "prod", Directory: "/mnt/backups"})
	if !r.DryRun || r.Written || r.Started || len(r.Checks) > 0 || len(r.Changes) != 4 || r.NextSnapshot.IsZero() || r.Host.Member != "cp-0" || r.Others == nil {
		t.Errorf("the outcome is %+v", r.Outcome)
	}
	if last := r.Changes[3]; last.Path != filepath.Join(h.Root, hostConfig) || last.Before != nil || !strings.Contains(string(last.After), "- https://127.0.0.1:2379") {
		t.Errorf("the last change is %+v", last)
	}
	if service := string(r.Changes[0].After); !strings.Contains(service, "ReadWritePaths=-/mnt/backups\n") || !strings.Contains(service, "After=remote-fs.target\n") {
		t.Errorf("the drop-in is to be\n%s", service)
	}
	h.Unchanged(t, before)
}

// TestEdits holds that an operator's configuration keeps every line that the request does not speak of.
func TestEdits(t *testing.T) {
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
		r    Request
		want func(string) string
	}{
		"nothing that differs": {Request{}, func(s string) string { return s }},
		"a second store": {Request{Directory: "/mnt/backups"}, func(s string) string {
			return strings.Replace(s, "    retention: {keep_last: 48}\n", "    retention: {keep_last: 48}\n  - name: primary\n    directory:\n      path: /mnt/backups\n", 1)
		}},
		"another region and keys of the store that is there": {Request{S3: config.S3{Bucket: "etcd-backups", Region: "eu-central-1"}, S3Keys: "/root/s3"}, func(s string) string {
			return strings.Replace(s, "region: us-east-1}", "region: eu-central-1, credentials_file: credential:s3-offsite}", 1)
		}},
		"a recipient": {Request{Recipients: []string{"age19sywdnahy2y0vc23h3w2f9p085ujf5g9ue4wx6zmx7zsl538ks3s8sr237"}}, func(s string) string {
			return strings.Replace(s, "# twice an hour\n", "# twice an hour\n  recipients:\n    - age19sywdnahy2y0vc23h3w2f9p085ujf5g9ue4wx6zmx7zsl538ks3s8sr237\n", 1)
		}},
		"another name": {Request{Name: "prod-2"}, func(s string) string { return strings.Replace(s, "{name: prod,", "{name: prod-2,", 1) }},
		"endpoints that are given": {Request{Endpoints: []string{"https://h:2379"}, CAFile: "/x/ca", CertFile: "/x/c", KeyFile: "/x/k"}, func(s string) string {
			return strings.Replace(s, "[https://10.0.0.1:2379, https://10.0.0.2:2379]", "[https://h:2379]", 1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, "kubeadm-1.34")
			h.Write(t, hostConfig, theirs)
			for _, f := range []string{"x/ca", "x/c", "x/k", "root/s3"} {
				h.Write(t, f, "in place of a certificate")
			}
			r := with(c.r, Request{Yes: true, NoCheck: true})
			h.must(t, r)
			if got := h.Read(t, hostConfig); got != c.want(theirs) {
				t.Errorf("got\n%s\nwant\n%s", got, c.want(theirs))
			}
			before := h.State(t)
			h.must(t, r)
			h.must(t, Request{Yes: true})
			h.Unchanged(t, before)
		})
	}
}

// TestReplacesSample holds that the sample which the packages bring gives way, but for the line that editors read.
func TestReplacesSample(t *testing.T) {
	h := layout(t, "kubeadm-1.34")
	h.Write(t, "root/etcdward-s3", "keys")
	const line = "# yaml-language-server: $schema=/usr/share/etcdward/schema/config.schema.json\n"
	h.Write(t, hostConfig, line+"# A sample.\n#cluster:\n#  name: x\n")
	h.must(t, toS3)
	sample, err := os.ReadFile("testdata/kubeadm-1.34/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := h.Read(t, hostConfig), line+string(sample); got != want {
		t.Errorf("got\n%s", got)
	}
}

// TestOthers holds what the other hosts of the cluster are to get.
func TestOthers(t *testing.T) {
	h := layout(t, "empty")
	etcd := Request{Endpoints: []string{"https://a:2379", "https://b:2379"}, CAFile: "/x/ca", CertFile: "/x/c", KeyFile: "/x/k"}
	r := h.must(t, with(etcd, Request{Yes: true, Name: "a", NoCheck: true, Directory: "/b"}))
	if o := r.Others; o == nil || o.CopyConfig || o.Name != "a" || len(o.Endpoints) != 2 || o.CAFile != "/x/ca" || o.CertFile != "/x/c" || o.KeyFile != "/x/k" || o.Directory != "/b" {
		t.Errorf("they are to get %+v", o)
	}
	// The request of a later run does not hold all of the configuration.
	h = layout(t, "kubeadm-1.34")
	h.Write(t, "root/s3", "in place of keys")
	h.must(t, Request{Yes: true, Name: "a", NoCheck: true, S3: config.S3{Bucket: "bbb", Region: "r"}, S3Keys: "/root/s3"})
	r = h.must(t, Request{Yes: true, NoCheck: true, Recipients: []string{"age19sywdnahy2y0vc23h3w2f9p085ujf5g9ue4wx6zmx7zsl538ks3s8sr237"}})
	if o := r.Others; o == nil || !o.CopyConfig || o.Name != "" || len(o.Recipients) > 0 || len(o.Credentials) != 1 || o.Credentials[0] != "s3-primary=/root/s3" {
		t.Errorf("they are to get %+v", o)
	}
}
