package hostfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, root string) *Host {
	t.Helper()
	h, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// TestReplace holds that a reader, and so whoever comes after a kill, finds the old text or the new one, whole.
func TestReplace(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "config.yaml")
	texts := []string{strings.Repeat("old\n", 50_000), strings.Repeat("new\n", 50_000)}
	if err := os.WriteFile(path, []byte(texts[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, ".config.yaml.making"), []byte("cut"), 0o644); err != nil { // a killed process left it
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			text, err := os.ReadFile(path)
			if err != nil || string(text) != texts[0] && string(text) != texts[1] {
				t.Errorf("half a file was seen: %d bytes, %v", len(text), err)
				return
			}
		}
	})
	host := open(t, folder)
	for i := range 50 {
		if err := host.Replace("/config.yaml", []byte(texts[(i+1)%2])); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	reading.Wait()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v is left, %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := host.Replace("/config.yaml/x", []byte("y")); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file below a file: got %v", err)
	}
}

// TestReplaceOnThisHost holds that the folder of a file is made, also if the root is "/".
func TestReplaceOnThisHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a/b/c.conf")
	if err := open(t, "/").Replace(path, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if text, err := open(t, "/").Current(path); err != nil || string(text) != "x" {
		t.Errorf("it holds %q, %v", text, err)
	}
}

// TestCurrent holds which files may be replaced.
func TestCurrent(t *testing.T) {
	root := t.TempDir()
	host := open(t, root)
	for _, missing := range []string{"/a", "/no/such/folder/a"} {
		if text, err := host.Current(missing); text != nil || err != nil {
			t.Errorf("%s: got %q, %v", missing, text, err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(root, "folder"), 0o755), os.WriteFile(filepath.Join(root, "empty"), nil, 0o644), os.Symlink("empty", filepath.Join(root, "link"))); err != nil {
		t.Fatal(err)
	}
	if text, err := host.Current("/empty"); text == nil || err != nil {
		t.Errorf("an empty file is no file: %v", err)
	}
	for _, path := range []string{"/folder", "/link"} {
		if _, err := host.Current(path); err == nil || !strings.Contains(err.Error(), "it is a link or a folder") {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

// TestStaysInRoot holds that no link leads out, neither for a reader nor for a writer, whenever it is made.
func TestStaysInRoot(t *testing.T) {
	for name, lead := range map[string]func(root, outside string) (link string){
		"to a folder": func(_, outside string) string { return outside },
		"up and up": func(root, outside string) string {
			rel, _ := filepath.Rel(filepath.Join(root, "etc"), outside)
			return rel
		},
		"to the root":  func(string, string) string { return "/" },
		"just outside": func(string, string) string { return "../.." },
	} {
		t.Run(name, func(t *testing.T) {
			root, outside := t.TempDir(), t.TempDir()
			host := open(t, root)
			if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(lead(root, outside), filepath.Join(root, "etc/link")); err != nil { // after the host was opened
				t.Fatal(err)
			}
			const inside = "/etc/link/etcdward-test/config.yaml"
			if err := host.Replace(inside, []byte("x")); err == nil || !strings.Contains(err.Error(), "leads out of --root") || fault.Hint(err) == "" {
				t.Errorf("got %v", err)
			}
			if _, err := host.Current("/etc/link/x"); err == nil {
				t.Error("it is read")
			}
			if err := host.Reach("/etc/link"); err == nil {
				t.Error("it is reached")
			}
			if _, err := host.Stat("/etc/link"); err == nil {
				t.Error("it is looked at")
			}
			if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
				t.Errorf("outside is %v, %v", left, err)
			}
		})
	}
	root := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(root, "srv"), 0o755), os.Symlink("srv", filepath.Join(root, "etc"))); err != nil {
		t.Fatal(err)
	}
	if err := open(t, root).Replace("/etc/x", []byte("x")); err != nil {
		t.Errorf("a link inside is not followed: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(root, "srv/x")); err != nil {
		t.Error(err)
	}
	if err := open(t, root).Reach("/nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestRealPath holds that links are followed as far as something is there, and only on this host.
func TestRealPath(t *testing.T) {
	root := t.TempDir()
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(filepath.Join(root, "a"), 0o755), os.Symlink("a", filepath.Join(root, "l"))); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{filepath.Join(root, "l"): real + "/a", filepath.Join(root, "l/not/there"): real + "/a/not/there", "/": "/"} {
		if got := open(t, "/").RealPath(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if got := open(t, root).RealPath("/l/x"); got != "/l/x" {
		t.Errorf("below a root: got %s", got)
	}
}
