package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// pty is a real terminal: what is typed into the first end is read from the second.
func pty(t *testing.T) (*os.File, *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// TestSetupAsks answers its questions on a terminal.
func TestSetupAsks(t *testing.T) {
	const recipient = "age19sywdnahy2y0vc23h3w2f9p085ujf5g9ue4wx6zmx7zsl538ks3s8sr237"
	for name, c := range map[string]struct {
		typed string
		code  int
		want  []string
	}{
		"a directory, and the name that was found": {"\ndirectory\n\n/mnt/b\n" + recipient + "\nyes\n", exitOK, []string{"name: prod\n", "path: /mnt/b\n", recipient}},
		"a server of one's own":                    {"mine\ns3\nbbb\nhttps://s3.example.com\n\n/root/s3\n\ny\n", exitOK, []string{"name: mine\n", "endpoint: https://s3.example.com\n", "path_style: true\n", "credential:s3-primary"}},
		"Amazon, with a region in the end":         {"\n\nbbb\n\n\neu-central-1\n\n\nyes\n", exitOK, []string{"region: eu-central-1\n", "bucket: bbb\n"}},
		"Google":                                   {"\ngcs\nbbb\n/root/key.json\n\nyes\n", exitOK, []string{"gcs:\n", "credential:gcs-primary"}},
		"another answer":                           {"\nftp\n", exitUsage, nil},
		"no":                                       {"\ndirectory\n/b\n\nno\n", exitFailed, nil},
		"the end":                                  {"\x04", exitFailed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := layout(t, "kubeadm-1.34")
			master, slave := pty(t)
			t.Setenv("ETCDWARD_CONFIG", "")
			if _, err := master.WriteString(c.typed); err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{"setup", "--root", h.root, "--no-check"}, stdio{slave, &out, &errs})
			if err := errors.Join(master.Close(), slave.Close()); err != nil {
				t.Error(err)
			}
			if code != c.code {
				t.Fatalf("exit %d, want %d\n%s%s", code, c.code, out.String(), errs.String())
			}
			if c.want == nil {
				if _, err := os.Stat(filepath.Join(h.root, hostConfig)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("a configuration was written: %v", err)
				}
				return
			}
			text := h.read(t, hostConfig)
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("the configuration lacks %q:\n%s", want, text)
				}
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		h := layout(t, "kubeadm-1.34")
		master, slave := pty(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		code := run(ctx, []string{"setup", "--root", h.root}, stdio{slave, new(bytes.Buffer), new(bytes.Buffer)})
		if err := errors.Join(master.Close(), slave.Close()); err != nil || code != exitInterrupted {
			t.Errorf("exit %d, %v", code, err)
		}
	})
}

// fakeSystemctl stands in for systemd: it notes what it is told, and units are in the state that a file names.
func fakeSystemctl(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	scripts := map[string]string{
		"systemctl": "#!/bin/sh\ncd " + folder + "\necho \"$*\" >>calls\ncase $1 in\n" +
			"is-active) cat \"$2\" 2>/dev/null || { echo inactive; exit 3; } ;;\n" +
			"show) cat status 2>/dev/null ;;\n" +
			"start|restart) [ ! -e broken ] || { echo 'Job failed.' >&2; exit 1; }; echo active >\"$2\" ;;\nesac\n",
		"journalctl": "#!/bin/sh\necho 'level=ERROR msg=\"no such store\"'\n",
	}
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	return folder
}

// TestApplyUnits holds what systemd is told, for what was written and what runs.
func TestApplyUnits(t *testing.T) {
	units := []string{serviceUnit, certsUnit}
	for name, c := range map[string]struct {
		running []string
		changes unitChanges
		want    string
	}{
		"a new host":            {nil, unitChanges{units: true, restart: true, reload: true}, "daemon-reload, enable etcdward.service etcdward-certs.path, start etcdward.service, start etcdward-certs.path"},
		"nothing differs":       {units, unitChanges{}, "enable etcdward.service etcdward-certs.path"},
		"stopped, no change":    {nil, unitChanges{}, "enable etcdward.service etcdward-certs.path, start etcdward.service, start etcdward-certs.path"},
		"another configuration": {units, unitChanges{reload: true}, "enable etcdward.service etcdward-certs.path, reload etcdward.service"},
		"another name":          {units, unitChanges{reload: true, restart: true}, "enable etcdward.service etcdward-certs.path, restart etcdward.service"},
		"another drop-in":       {units, unitChanges{units: true, reload: true, restart: true}, "daemon-reload, enable etcdward.service etcdward-certs.path, restart etcdward.service, restart etcdward-certs.path"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := fakeSystemctl(t)
			for _, unit := range c.running {
				if err := os.WriteFile(filepath.Join(folder, unit), []byte("active\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := (systemctl{}).apply(t.Context(), units, c.changes); err != nil {
				t.Fatal(err)
			}
			var told []string
			for line := range strings.Lines(read(t, filepath.Join(folder, "calls"))) {
				if !strings.HasPrefix(line, "is-active") {
					told = append(told, strings.TrimSpace(line))
				}
			}
			if got := strings.Join(told, ", "); got != c.want {
				t.Errorf("told %s\nwant %s", got, c.want)
			}
		})
	}
	t.Run("it does not start", func(t *testing.T) {
		folder := fakeSystemctl(t)
		if err := os.WriteFile(filepath.Join(folder, "broken"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		err := (systemctl{}).apply(t.Context(), units, unitChanges{})
		if err == nil || !strings.Contains(err.Error(), "Job failed.") || !strings.Contains(err.Error(), "no such store") || !strings.Contains(hintFor(err), "journalctl") {
			t.Errorf("got %v", err)
		}
	})
}

// TestReplaceFile holds that a reader, and so whoever comes after a kill, finds the old text or the new one, whole.
func TestReplaceFile(t *testing.T) {
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
	for i := range 50 {
		f := setupFile{path, []byte(texts[i%2]), []byte(texts[(i+1)%2])}
		if err := f.write(folder); err != nil {
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
	if err := (setupFile{filepath.Join(path, "x"), nil, []byte("y")}).write(folder); err == nil {
		t.Error("a file was written below a file")
	}
}

// TestAsUser holds that a folder is tried as the daemon would, and that the change of user ends with the trial.
func TestAsUser(t *testing.T) {
	nobody := &user.User{Username: "nobody", Uid: "65534", Gid: "65534"}
	folder := t.TempDir()
	theirs := filepath.Join(folder, "theirs")
	if err := errors.Join(os.Chmod(folder, 0o755), os.Mkdir(theirs, 0o755)); err != nil {
		t.Fatal(err)
	}
	err := asUser(nobody, func() error { return os.WriteFile(filepath.Join(theirs, "x"), nil, 0o600) })
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("another's folder: got %v", err)
	}
	if os.Geteuid() != 0 {
		return // nobody but root can become another
	}
	if err := os.Chown(theirs, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	for above := theirs; above != os.TempDir() && above != "/"; above = filepath.Dir(above) {
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := asUser(nobody, func() error { return os.Mkdir(filepath.Join(theirs, "y"), 0o700) }); err != nil {
		t.Errorf("a folder of one's own: got %v", err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(filepath.Join(theirs, "y"), &stat); err != nil || stat.Uid != 65534 || stat.Gid != 65534 {
		t.Errorf("what was made belongs to %d:%d, %v", stat.Uid, stat.Gid, err)
	}
	if err := os.WriteFile(filepath.Join(theirs, "z"), nil, 0o600); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestUnifiedDiff compares with the diff that everybody has.
func TestUnifiedDiff(t *testing.T) {
	lines := func(s string) []byte { return []byte(strings.ReplaceAll(s, " ", "\n") + "\n") }
	for name, c := range map[string][2][]byte{
		"a change":         {lines("a b c d e f g h i j"), lines("a b c d X f g h i j")},
		"two far apart":    {lines("a b c d e f g h i j k l m n o p"), lines("A b c d e f g h i j k l m n o P")},
		"two near":         {lines("a b c d e f g h i j"), lines("A b c d e f g H i j")},
		"at the end":       {lines("a b c"), lines("a b c d e")},
		"taken out":        {lines("a b c d e f g"), lines("a b c d e")},
		"everything":       {lines("a b"), lines("x y z")},
		"one line":         {lines("a"), lines("b")},
		"made from little": {[]byte("a\n"), lines("a b c d e f g h i")},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			a, b := filepath.Join(folder, "a"), filepath.Join(folder, "b")
			if err := errors.Join(os.WriteFile(a, c[0], 0o644), os.WriteFile(b, c[1], 0o644)); err != nil {
				t.Fatal(err)
			}
			out, _ := exec.Command("diff", "-u", "--label", "x", "--label", "x", a, b).Output() // 1: they differ
			if got := unifiedDiff("x", c[0], c[1]); got != string(out) {
				t.Errorf("got\n%s\nwant\n%s", got, out)
			}
		})
	}
	if got := unifiedDiff("x", nil, []byte("a\n")); got != "--- /dev/null\n+++ x\n@@ -0,0 +1 @@\n+a\n" {
		t.Errorf("a new file: %q", got)
	}
	if got := unifiedDiff("x", []byte("a\n"), []byte("a\n")); got != "" {
		t.Errorf("nothing: %q", got)
	}
}

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{"/root/s3": "/root/s3", "a b": "'a b'", "it's": `'it'\''s'`, "$x;y": "'$x;y'", "": "''"} {
		if got := shellWord(word); got != want {
			t.Errorf("%q became %s, want %s", word, got, want)
		}
	}
}
