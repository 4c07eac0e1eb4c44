package directory

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// claims returns the claims of all hosts.
func claims(t *testing.T, bucket *Bucket) []string {
	t.Helper()
	var found []string
	for _, line := range tree(t, bucket.path) {
		name, _, _ := strings.Cut(filepath.Base(line), " ")
		if isClaim(name) {
			found = append(found, name)
		}
	}
	return found
}

// TestClaim puts a file where a claim on it is in the way, in all the states that a crash leaves.
func TestClaim(t *testing.T) {
	for name, test := range map[string]struct {
		host string
		age  time.Duration
		held bool
		ok   bool
	}{
		"left by this host":           {"here", 0, false, true},
		"held by this host":           {"here", 0, true, false},
		"held by this host, for long": {"here", 2 * staleClaim, true, false},
		"of another host":             {"there", 0, false, false},
		"left by another host":        {"there", 2 * staleClaim, false, true},
		"not signed yet":              {"", 0, false, false},
		"never signed":                {"", 2 * staleClaim, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			bucket := open(t)
			bucket.host = "here"
			poor(bucket, unix.EPERM)
			storagetest.Put(t, bucket, "folder/other", nil)
			path := filepath.Join(bucket.path, "folder", claimOf("key"))
			if err := os.WriteFile(path, []byte(test.host), 0o600); err != nil {
				t.Fatal(err)
			}
			if test.held {
				file, err := os.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
					t.Fatal(err)
				}
			}
			bucket.now = func() time.Time { return time.Now().Add(test.age) }
			ctx, cancel := context.WithTimeout(t.Context(), 4*claimWait)
			defer cancel()
			_, err := bucket.Put(ctx, storagetest.Upload("folder/key", []byte("x")))
			switch {
			case test.ok && err != nil:
				t.Errorf("Put: %v", err)
			case !test.ok && !errors.Is(err, context.DeadlineExceeded):
				t.Errorf("Put: got error %v, want to wait to the end", err)
			}
			left := len(claims(t, bucket))
			if test.ok != (left == 0) {
				t.Errorf("after the Put there are %d claims", left)
			}
			if n, err := bucket.Sweep(t.Context(), ""); err != nil || n != 0 {
				t.Errorf("Sweep: removed %d, error %v, want nothing: what is left is in use", n, err)
			}
			if len(partials(t, bucket)) != 0 {
				t.Errorf("the Put left %v", partials(t, bucket))
			}
		})
	}
}

// TestClaimTold holds that a claim which does not go is named, with where it lies.
func TestClaimTold(t *testing.T) {
	bucket := open(t)
	poor(bucket, unix.EPERM)
	if err := os.WriteFile(filepath.Join(bucket.path, claimOf("key")), []byte("another host"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := bucket.Put(t.Context(), storagetest.Upload("key", nil))
	var cause *storage.Cause
	if !errors.As(err, &cause) || !strings.Contains(cause.Hint(), claimOf("key")) || !strings.Contains(err.Error(), "another host is writing") {
		t.Errorf("Put: got error %v, want one that names the claim", err)
	}
}

// TestClaimNeverReplaces has a name be taken while the claim is made.
func TestClaimNeverReplaces(t *testing.T) {
	bucket := open(t)
	poor(bucket, unix.EPERM)
	bucket.link = func(folder int, _ string, _ int, name string, _ int) error {
		fd, err := unix.Openat(folder, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o600)
		if err == nil {
			err = unix.Close(fd)
		}
		return errors.Join(unix.EPERM, err)
	}
	if _, err := bucket.Put(t.Context(), storagetest.Upload("key", []byte("x"))); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Put: got error %v, want fs.ErrExist", err)
	}
	if got := storagetest.Read(t, bucket, storage.Object{Key: "key"}); len(got) != 0 {
		t.Errorf("the file of the other was replaced by %q", got)
	}
}

// TestWayByClaim finds the third way behind each error with which a file system says that it has not the second.
func TestWayByClaim(t *testing.T) {
	for _, refusal := range []error{unix.EPERM, unix.ENOSYS, unix.EOPNOTSUPP, unix.EMLINK, unix.EINVAL} {
		bucket := open(t)
		poor(bucket, refusal)
		storagetest.Put(t, bucket, "key", nil)
	}
	bucket := open(t)
	poor(bucket, unix.EIO)
	if _, err := bucket.Put(t.Context(), storagetest.Upload("key", nil)); !errors.Is(err, unix.EIO) {
		t.Errorf("Put, the disk failing: got error %v, want EIO", err)
	}
}

func TestMounted(t *testing.T) {
	share := storagetest.Mount(t, "-type", "poorfs")
	for path, want := range map[string]string{"/proc": "proc", "/proc/self": "proc", share.Path: "fuse.poorfs", share.Path + "/x/y": "fuse.poorfs"} {
		if got := mounted(path); got != want {
			t.Errorf("mounted(%q): got %q, want %q", path, got, want)
		}
	}
}
