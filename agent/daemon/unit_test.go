package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/systemd"
)

// TestCredentialsThere checks that a daemon does not end because of a missing secret of which it has a copy.
func TestCredentialsThere(t *testing.T) {
	root, handed := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(handed, "etcd-cert"), "x")
	write(filepath.Join(handed, "by-hand"), "x")
	write(filepath.Join(root, "etc/systemd/system/etcdward.service.d/setup.conf"), "LoadCredential=etcd-cert:/pki/client.crt\n")
	write(filepath.Join(root, "pki/client.crt"), "x")
	t.Setenv(systemd.CredentialsDirectory, handed)
	if err := credentialsThere(root); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(root, "pki/client.crt")); err != nil {
		t.Fatal(err)
	}
	if err := credentialsThere(root); err == nil || !strings.Contains(err.Error(), "credential etcd-cert: ") {
		t.Errorf("with its source gone: %v", err)
	}
	t.Setenv(systemd.CredentialsDirectory, "")
	if err := credentialsThere(root); err != nil {
		t.Errorf("outside of the unit: %v", err)
	}
}
