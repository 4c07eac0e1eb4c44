package directory

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/etcdward/etcdward/storage/storagetest"
)

// TestKilled kills a writer at any moment: what is visible is complete, what was
// acknowledged is visible, and a sweep leaves nothing else.
func TestKilled(t *testing.T) {
	for _, role := range []string{"put", "put by claim"} {
		t.Run(role, func(t *testing.T) { testKilled(t, role) })
	}
}

func testKilled(t *testing.T, role string) {
	bucket := open(t)
	foreign := filepath.Join(bucket.path, "foreign.partial")
	if err := os.WriteFile(foreign, []byte("foreign"), 0o600); err != nil {
		t.Fatal(err)
	}
	swept := 0
	for range 50 {
		acknowledged := killedWriter(t, role, bucket.path)
		visible := map[string]bool{}
		for _, obj := range storagetest.List(t, bucket, "folder-") {
			visible[obj.Key] = true
			var size int
			var seed byte
			if _, err := fmt.Sscanf(filepath.Base(obj.Key), "%d-%d-", &size, &seed); err != nil {
				t.Fatalf("List: %s: %v", obj.Key, err)
			}
			if got := storagetest.Read(t, bucket, obj); !bytes.Equal(got, storagetest.Content(size, seed)) {
				t.Errorf("%s is visible and not what was put: %d bytes", obj.Key, len(got))
			}
			if err := bucket.Delete(t.Context(), obj); err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range acknowledged {
			if !visible[key] {
				t.Errorf("%s was stored and is not visible", key)
			}
		}
		left := len(partials(t, bucket)) + len(claims(t, bucket))
		if removed, err := bucket.Sweep(t.Context(), ""); removed != left || err != nil {
			t.Errorf("Sweep: removed %d, error %v, want %d", removed, err, left)
		}
		swept += left
	}
	if swept == 0 {
		t.Error("no writer died during a Put: this test has not tested anything")
	}
	if content, err := os.ReadFile(foreign); err != nil || string(content) != "foreign" {
		t.Errorf("the foreign file is now %q, error %v", content, err)
	}
}

// killedWriter runs a writer and kills it after some lines of its output, while it
// goes on, and returns the keys it printed.
func killedWriter(t *testing.T, role, path string) []string {
	t.Helper()
	cmd := command(t, role, path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var keys []string
	lines := bufio.NewReader(out)
	killAt := rand.IntN(60)
	for n := 0; ; n++ {
		if n == killAt {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		if key := strings.TrimSpace(line); key != "" {
			keys = append(keys, key)
		}
	}
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the writer ended by itself: %v", cmd.ProcessState)
	}
	return keys
}

func TestFull(t *testing.T) {
	cmd := command(t, "full", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("put into a full file system: %v: %s", err, out)
	}
}
