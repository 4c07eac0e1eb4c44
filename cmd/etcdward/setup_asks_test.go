package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/test/tree"
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
			code := run(t.Context(), []string{"setup", "--root", h.Root, "--no-check"}, stdio{slave, &out, &errs})
			if err := errors.Join(master.Close(), slave.Close()); err != nil {
				t.Error(err)
			}
			if code != c.code {
				t.Fatalf("exit %d, want %d\n%s%s", code, c.code, out.String(), errs.String())
			}
			if c.want == nil {
				if _, err := os.Stat(filepath.Join(h.Root, tree.Config)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("a configuration was written: %v", err)
				}
				return
			}
			text := h.Read(t, tree.Config)
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
		code := run(ctx, []string{"setup", "--root", h.Root}, stdio{slave, new(bytes.Buffer), new(bytes.Buffer)})
		if err := errors.Join(master.Close(), slave.Close()); err != nil || code != exitInterrupted {
			t.Errorf("exit %d, %v", code, err)
		}
	})
}
