package connection

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNewRefuses(t *testing.T) {
	dir := t.TempDir()
	noPEM := filepath.Join(dir, "ca.crt")
	if err := os.WriteFile(noPEM, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options Options
		says    string
	}{
		"CA missing":       {Options{CAFile: filepath.Join(dir, "none")}, "ca_file: open"},
		"CA no PEM":        {Options{CAFile: noPEM}, "holds no PEM certificate"},
		"key missing":      {Options{CertFile: noPEM, KeyFile: noPEM}, "cert_file " + noPEM},
		"password missing": {Options{PasswordFile: filepath.Join(dir, "none")}, "password_file"},
	} {
		if _, err := New(c.options); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
