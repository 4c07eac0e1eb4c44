package unit

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etcdward/etcdward/agent/setup/hostfs"
)

// hostWith is a host with drop-ins of the service.
func hostWith(t *testing.T, files map[string]string) *hostfs.Host {
	t.Helper()
	root := t.TempDir()
	folder := filepath.Join(root, "etc/systemd/system", Service+".d")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	host, err := hostfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	return host
}

// TestRead holds what is taken from drop-ins: setup's own, and others.
func TestRead(t *testing.T) {
	host := hostWith(t, map[string]string{
		"setup.conf": "[Service]\nLoadCredential=a:/root/50%% of it\n",
		"mine.conf": "[Service]\n LoadCredential = b:/etc/b\nLoadCredentialEncrypted=c:/etc/c.cred\nSetCredential=d:text\nLoadCredential=e\n" +
			"ProtectHome=OFF\nPrivateTmp=yes\nLoadCredential=\n",
		"note.txt":  "[Service]\nLoadCredential=x:/etc/x\n",
		"gone.conf": "[Service]\nLoadCredential=y:/etc/y\n",
	})
	gone := host.Path("/etc/systemd/system/" + Service + ".d/gone.conf")
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(os.DevNull, gone); err != nil {
		t.Fatal(err)
	}
	d, err := Read(host, Service)
	if err != nil {
		t.Fatal(err)
	}
	if d.Before("a") != "/root/50% of it" || len(d.own.sources) != 1 {
		t.Errorf("setup's own says %v", d.own)
	}
	if want := map[string]string{"b": "/etc/b", "c": "", "d": "", "e": ""}; !maps.Equal(d.others.sources, want) {
		t.Errorf("the others' sources are %v, want %v", d.others.sources, want)
	}
	if want := map[string]string{"b": "/etc/b", "c": "/etc/c.cred"}; !maps.Equal(d.others.files, want) {
		t.Errorf("the others' files are %v, want %v", d.others.files, want)
	}
	if !d.others.lifted["ProtectHome"] || d.others.lifted["PrivateTmp"] || d.others.watched {
		t.Errorf("the others say %+v", d.others)
	}
	if d, err := Read(host, Certs); err != nil || d.Text != nil || d.Path != "/etc/systemd/system/etcdward-certs.path.d/setup.conf" {
		t.Errorf("a unit without drop-ins: %+v, %v", d, err)
	}
}

// TestCheckPath holds which paths a unit takes.
func TestCheckPath(t *testing.T) {
	for path, ok := range map[string]bool{"/a": true, "/a b": true, "/50%": true, "": false, "a": false, "/a/": false, "/a/../b": false, `/a"`: false, "/a'": false,
		`/a\b`: false, "/a\nb": false, "/a ": false} {
		if err := CheckPath(path); (err == nil) != ok {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// TestLink holds that a folder is hidden by way of a link, too.
func TestLink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/dev", link); err != nil {
		t.Fatal(err)
	}
	host, err := hostfs.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	d := DropIn{others: newDirectives()}
	d.others.lifted["PrivateTmp"] = true // for the test's own folder
	if c, is := d.Confined(host, filepath.Join(link, "not-there/b")); !is || c.Folder != "/dev" {
		t.Errorf("got %v", c)
	}
}

// TestConfinementsAreTheUnits holds the folders to the options of the unit.
func TestConfinementsAreTheUnits(t *testing.T) {
	unit, err := os.ReadFile("../../../systemd/etcdward.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range confinements {
		if c.Option != "" && !strings.Contains(string(unit), "\n"+c.Option+"=yes\n") {
			t.Errorf("%s: the unit has no %s=yes", c.Folder, c.Option)
		}
	}
}

// TestLacking holds which files systemd cannot hand over.
func TestLacking(t *testing.T) {
	host := hostWith(t, map[string]string{"x": ""})
	const folder = "/etc/systemd/system/" + Service + ".d"
	got := Lacking(host, []Handed{{"a", folder + "/x"}, {"b", folder}, {"c", "/nowhere"}, {"d", folder + "/x/y"}})
	want := []string{folder + " is a folder (credential b)", "/nowhere is not there (credential c)", folder + "/x/y is not there (credential d)"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
