// Package tree is the files of a host in a folder of a test, as etcdward setup --root sees them.
package tree

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/test/cluster"
)

// Tree is the files of one host.
type Tree struct{ Root string }

// Files of a host that setup writes.
const (
	ServiceDropIn = "etc/systemd/system/etcdward.service.d/setup.conf"
	CertsDropIn   = "etc/systemd/system/etcdward-certs.path.d/setup.conf"
	RenewDropIn   = "etc/systemd/system/etcdward-certs.service.d/setup.conf"
	Config        = "etc/etcdward/config.yaml"
)

// Layout is a copy of one of the hosts that agent/discover knows. The test's package is two folders below the top of the repository.
func Layout(t testing.TB, name string) Tree {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(filepath.Join("../../agent/discover/testdata", name))); err != nil {
		t.Fatal(err)
	}
	return Tree{root}
}

// Kubeadm is a host with the first member of a cluster, as kubeadm would have set it up.
func Kubeadm(t testing.TB, c *cluster.Cluster) Tree {
	t.Helper()
	h := Layout(t, "kubeadm-1.34")
	const pod = "etc/kubernetes/manifests/etcd.yaml"
	text := strings.Replace(h.Read(t, pod), "--listen-client-urls=https://127.0.0.1:2379,https://192.168.1.10:2379", "--listen-client-urls="+c.Members[0].ClientURL, 1)
	h.Write(t, pod, text)
	for from, to := range map[string]string{c.CAFile: "ca.crt", c.CertFile: "healthcheck-client.crt", c.KeyFile: "healthcheck-client.key"} {
		h.Write(t, "etc/kubernetes/pki/etcd/"+to, read(t, from))
	}
	return h
}

// Write writes a file, and makes its folder.
func (h Tree) Write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(h.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Read reads a file, which must be there.
func (h Tree) Read(t testing.TB, name string) string {
	t.Helper()
	return read(t, filepath.Join(h.Root, name))
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// State is every file of the host: its content, its mode, and when it was written.
func (h Tree) State(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(h.Root, func(path string, d fs.DirEntry, err error) error {
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

// Unchanged holds that nothing was written, made or removed since State.
func (h Tree) Unchanged(t testing.TB, before map[string]string) {
	t.Helper()
	after := h.State(t)
	for path := range after {
		if before[path] != after[path] {
			t.Errorf("%s was written", path)
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d files became %d", len(before), len(after))
	}
}
