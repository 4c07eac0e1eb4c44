package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// writer in the environment makes the test binary replace a file until it is killed.
const writer = "ETCDWARD_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writer); path != "" {
		for n := 0; ; n++ {
			if err := Write(path, text(n), Options{}); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		}
	}
	os.Exit(m.Run())
}

// text is one content of the file, long enough to be written in pieces.
func text(n int) []byte {
	line := fmt.Appendf(nil, "%08d\n", n)
	return bytes.Repeat(line, 8192)
}

// whole returns why a file does not hold one complete content; "" if it does.
func whole(t *testing.T, path string) string {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(text(0)) || bytes.Count(got, got[:9]) != 8192 {
		return fmt.Sprintf("%d bytes, begin with %.9q", len(got), got)
	}
	return ""
}

// making lists the unfinished files of a folder.
func makings(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, ".*"+making))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestKilled kills processes that replace a file: it is whole each time, and what they leave is removed by the next writer.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	if err := Write(path, text(0), Options{}); err != nil {
		t.Fatal(err)
	}
	left := 0
	for n := range 40 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writer+"="+path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(20+n) * time.Millisecond) // the moment is to be any
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		if why := whole(t, path); why != "" {
			t.Fatalf("after kill %d the file is not whole: %s", n, why)
		}
		left += len(makings(t, dir))
		if n%2 == 0 {
			if err := Write(path, text(n), Options{}); err != nil {
				t.Fatal(err)
			}
		} else if _, err := Sweep(dir); err != nil {
			t.Fatal(err)
		}
		if more := makings(t, dir); len(more) > 0 {
			t.Fatalf("the next writer leaves %v", more)
		}
	}
	if left == 0 {
		t.Error("no kill left anything, so nothing was tried")
	}
}

// TestWritersAtOnce has several write and one read: whatever is read is whole, and nothing is left.
func TestWritersAtOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	if err := Write(path, text(0), Options{}); err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	for n := range 4 {
		writing.Go(func() {
			for i := range 50 {
				if err := Write(path, text(n*100+i), Options{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		if why := whole(t, path); why != "" {
			t.Fatal(why)
		}
	}
	if left := makings(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestFull checks that a full disk leaves the old file, and nothing beside it.
func TestFull(t *testing.T) {
	dir, full := t.TempDir(), errors.New("no space left on device")
	path := filepath.Join(dir, "state.json")
	if err := Write(path, []byte("old"), Options{}); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new"), Options{Sync: func(*os.File) error { return full }}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if left := makings(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestMode holds the modes against the umask, and that a link is replaced and not followed.
func TestMode(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0, 0o600, 0o644, 0o666} {
		if err := Write(path, []byte("x"), Options{Mode: mode}); err != nil {
			t.Fatal(err)
		}
		want := mode
		if want == 0 {
			want = 0o600
		}
		if info, err := os.Lstat(path); err != nil || info.Mode() != want {
			t.Errorf("mode %v, want %v, %v", info.Mode(), want, err)
		}
	}
	if got, err := os.ReadFile(other); err != nil || !strings.HasPrefix(string(got), "other") {
		t.Errorf("what the link led to holds %q, %v", got, err)
	}
}
