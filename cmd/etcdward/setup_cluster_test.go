package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/test/bucket"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/tree"
)

// toBucket are the flags for backups in a bucket, whose keys are given to the host.
func toBucket(t *testing.T, h hostRoot, b bucket.Bucket) []string {
	t.Helper()
	h.Write(t, "root/s3", b.Keys)
	return []string{"--store-s3", bucket.Name, "--s3-endpoint", b.Endpoint, "--s3-region", b.Region, "--s3-path-style", "--s3-credentials-file", "/root/s3"}
}

// TestSetupOnRealCluster sets a host up for a real cluster, a real S3 server and a directory, and takes a snapshot with what it wrote.
func TestSetupOnRealCluster(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}})
	c.FillKubernetes(t, 20)
	h := hostRoot{tree.Kubeadm(t, c)}
	backups := filepath.Join(h.Root, "mnt/backups")
	if err := os.MkdirAll(backups, 0o700); err != nil {
		t.Fatal(err)
	}
	b := bucket.New(t, bucket.All)
	toStore := toBucket(t, h, b)
	args := append([]string{"--yes", "--name", "prod", "--store-directory", "/mnt/backups"}, toStore...)
	r := h.must(t, args...)
	for _, want := range []string{"ok      cluster: 3 of 3 members answer, leader m", "ok      store primary: written, read and removed", "ok      store second: written, read and removed"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the output lacks %q:\n%s", want, r.out)
		}
	}
	noSecrets(t, h, r, b.Secret)
	if keys := b.Objects(t); len(keys) != 0 {
		t.Errorf("it left %v", keys)
	}
	before := h.State(t)
	if again := h.must(t, args...); !strings.Contains(again.out, "Nothing differs") || strings.Contains(again.out, "cluster: ") {
		t.Errorf("again: %s", again.out)
	}
	h.Unchanged(t, before)

	// What systemd does with the drop-in, and where the mount would be.
	handed := t.TempDir()
	for name, path := range map[string]string{"etcd-ca": c.CAFile, "etcd-cert": c.CertFile, "etcd-key": c.KeyFile, "s3-primary": filepath.Join(h.Root, "root/s3")} {
		if err := os.WriteFile(filepath.Join(handed, name), []byte(read(t, path)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", handed)
	h.Write(t, tree.Config, strings.Replace(h.Read(t, tree.Config), "/mnt/backups", backups, 1))
	m := site{config: filepath.Join(h.Root, tree.Config), state: t.TempDir()}.snapshot(t)
	if keys := b.Objects(t); !slices.Contains(keys, m.Object.Key) {
		t.Errorf("the bucket has %v", keys)
	}

	// The home is taken now: another cluster is held back, before anything is written.
	other := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	o := hostRoot{tree.Kubeadm(t, other)}
	o.Write(t, "root/s3", h.Read(t, "root/s3"))
	before, keys := o.State(t), b.Objects(t)
	r = o.setup(t, append([]string{"--yes", "--name", "prod"}, toStore...)...)
	if r.code != exitFailed || !strings.Contains(r.err, "are of another etcd cluster") || !strings.Contains(r.err, "Try: give this cluster another --name") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	o.Unchanged(t, before)
	if !slices.Equal(keys, b.Objects(t)) {
		t.Error("something was written into the home of another cluster")
	}
}

// noSecrets holds that nothing of a secret was said or written into what all may read.
func noSecrets(t *testing.T, h hostRoot, r result, secrets ...string) {
	t.Helper()
	key := strings.Split(h.Read(t, "etc/kubernetes/pki/etcd/healthcheck-client.key"), "\n")[1]
	all := r.out + r.err + h.Read(t, tree.Config) + h.Read(t, tree.ServiceDropIn)
	for _, secret := range append(secrets, key) {
		if strings.Contains(all, secret) {
			t.Errorf("a secret was shown:\n%s", all)
		}
	}
}

// TestSetupWithoutDelete holds that a host which may not remove what it writes is set up, and that the rest is named.
func TestSetupWithoutDelete(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	h := hostRoot{tree.Kubeadm(t, c)}
	b := bucket.New(t, bucket.Writer)
	toStore := toBucket(t, h, b)
	r := h.must(t, append([]string{"--yes", "--name", "prod", "-o", "json"}, toStore...)...)
	var o setupReport
	if err := json.Unmarshal([]byte(r.out), &o); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	keys := b.Objects(t)
	if len(keys) != 1 || !strings.HasPrefix(keys[0], "v1/prod/canary/20") {
		t.Fatalf("the bucket has %v", keys)
	}
	if len(o.Checks) != 2 || !o.Checks[1].OK || !strings.Contains(o.Checks[1].Detail, keys[0]+" stays") || len(o.Members) != 1 || o.Members[0].Role != "leader" || !o.Written || o.Started {
		t.Errorf("got %+v", o)
	}
	noSecrets(t, h, r)
}

// TestSetupDenied holds that the way out of a store that refuses the user is shown.
func TestSetupDenied(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Members: 1, Args: []string{cluster.NoFsync}})
	h := hostRoot{tree.Kubeadm(t, c)}
	toStore := toBucket(t, h, bucket.New(t, `"s3:GetObject"`))
	r := h.setup(t, append([]string{"--yes", "--name", "prod"}, toStore...)...)
	if r.code != exitFailed || !strings.Contains(r.out, "FAILED  store primary") || !strings.Contains(r.err, "access denied") || !strings.Contains(r.err, "nothing was written") ||
		!strings.Contains(r.err, "/usr/share/etcdward/iam") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
}
