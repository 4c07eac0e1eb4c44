package systemd

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCredentialSource(t *testing.T) {
	root := t.TempDir()
	write := func(folder, name, text string) {
		t.Helper()
		dir := filepath.Join(root, folder, "etcdward.service.d")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(name, want string) {
		t.Helper()
		if got := CredentialSource(root, name); got != want {
			t.Errorf("%s comes from %q, want %q", name, got, want)
		}
	}
	expect("etcd-ca", "")
	write("usr/lib/systemd/system", "10-vendor.conf", "[Service]\nLoadCredential=etcd-ca:/vendor\nLoadCredential=other:/other\n")
	write("etc/systemd/system", "setup.conf", "[Service]\n# LoadCredential=etcd-key:/no\n LoadCredential=etcd-ca:/etc/ca.crt \nLoadCredential=etcd-cert:relative\nLoadCredential=etcd-key:/k:ey\n")
	expect("etcd-ca", "/etc/ca.crt")
	expect("other", "/other")
	expect("etcd-cert", "")
	expect("etcd-key", "/k:ey")
	expect("etcd", "")
	write("etc/systemd/system", "zz.conf", "[Service]\nLoadCredential=\nLoadCredential=etcd-ca:/last\n")
	expect("etcd-ca", "/last")
	expect("other", "")
	write("etc/systemd/system", "10-vendor.conf", "") // hides the vendor's
	write("etc/systemd/system", "zz.conf", "[Service]\n")
	expect("other", "")
	expect("etcd-ca", "/etc/ca.crt")
}
