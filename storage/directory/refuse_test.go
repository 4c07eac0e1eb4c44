package directory

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "not-mounted")
	if _, err := Open(missing); !errors.Is(err, storage.ErrAway) || !strings.Contains(err.Error(), "mkdir -p -m 0700 "+missing) {
		t.Errorf("Open of a missing folder: got error %v, want storage.ErrAway and the way out", err)
	}
	if _, err := os.Lstat(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a missing folder made it: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("Open of a file: got error %v, want one that says so", err)
	}
}

func TestModes(t *testing.T) {
	bucket := open(t)
	storagetest.Put(t, bucket, "a/b/key", []byte("x"))
	for name, want := range map[string]fs.FileMode{"a": fs.ModeDir | 0o700, "a/b": fs.ModeDir | 0o700, "a/b/key": 0o600} {
		info, err := os.Lstat(filepath.Join(bucket.path, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s: got mode %v, want %v", name, info.Mode(), want)
		}
	}
}

// TestForeign puts what is not ours beside our objects: no method may follow, list or
// change it.
func TestForeign(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	bucket := open(t)
	storagetest.Put(t, bucket, "folder/key", []byte("ours"))
	root := bucket.path
	for name, to := range map[string]string{
		"link-out": secret, "link-folder": outside, "link-in": "folder/key", "link-in-folder": "folder", "link-broken": "nowhere",
	} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(root, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", filepath.Join(root, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for _, name := range []string{"line\nfeed", "not\xff", storage.Reserved + "other"} {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "empty-folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	before := tree(t, root)

	if listed := storagetest.List(t, bucket, ""); len(listed) != 1 || listed[0].Key != "folder/key" {
		t.Errorf("List: got %v, want folder/key alone", listed)
	}
	for _, key := range []string{
		"link-out", "link-folder", "link-folder/secret", "link-folder/new", "link-in", "link-in-folder/key",
		"link-in-folder/new", "link-broken", "pipe", "socket", "empty-folder", "folder",
	} {
		if _, err := bucket.Open(t.Context(), storage.Object{Key: key}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open %s: got error %v, want fs.ErrNotExist", key, err)
		}
		if _, err := bucket.Put(t.Context(), storagetest.Upload(key, []byte("x"))); err == nil || errors.Is(err, fs.ErrExist) {
			t.Errorf("Put %s: got error %v, want a refusal", key, err)
		}
		if err := bucket.Delete(t.Context(), storage.Object{Key: key}); err != nil {
			t.Errorf("Delete %s: %v", key, err)
		}
		if key != "folder" && len(storagetest.List(t, bucket, key)) != 0 {
			t.Errorf("List %s: got objects, want none", key)
		}
	}
	if _, err := bucket.Put(t.Context(), storagetest.Upload("folder/key/below", []byte("x"))); err == nil {
		t.Error("Put below an object: got no error")
	}
	if removed, err := bucket.Sweep(t.Context(), ""); removed != 0 || err != nil {
		t.Errorf("Sweep: removed %d, error %v, want 0", removed, err)
	}
	if after := tree(t, root); !slices.Equal(after, before) {
		t.Errorf("the folder changed from\n%q to\n%q", before, after)
	}
	if content, err := os.ReadFile(secret); err != nil || string(content) != "outside" {
		t.Errorf("the file outside is now %q, error %v", content, err)
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("outside there is now %v, error %v", entries, err)
	}
}

// tree names all there is below root.
func tree(t *testing.T, root string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		names = append(names, name+" "+entry.Type().String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestDenied(t *testing.T) {
	bucket := open(t)
	storagetest.Put(t, bucket, "folder/key", []byte("x"))
	if err := os.Chmod(filepath.Join(bucket.path, "folder"), 0o500); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		if _, err := bucket.Put(t.Context(), storagetest.Upload("folder/new", []byte("x"))); !errors.Is(err, storage.ErrDenied) {
			t.Errorf("Put: got error %v, want ErrDenied", err)
		}
		if err := bucket.Delete(t.Context(), storage.Object{Key: "folder/key"}); !errors.Is(err, storage.ErrDenied) {
			t.Errorf("Delete: got error %v, want ErrDenied", err)
		}
	})
	if err := os.Chmod(filepath.Join(bucket.path, "folder"), 0o000); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		if _, err := bucket.Open(t.Context(), storage.Object{Key: "folder/key"}); !errors.Is(err, storage.ErrDenied) {
			t.Errorf("Open: got error %v, want ErrDenied", err)
		}
		for _, err := range bucket.List(t.Context(), "") {
			if !errors.Is(err, storage.ErrDenied) {
				t.Errorf("List: got error %v, want ErrDenied", err)
			}
		}
	})
	if err := os.Chmod(filepath.Join(bucket.path, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := open(t).explain("put", "key", unix.EROFS); !errors.Is(err, storage.ErrDenied) || !errors.Is(err, unix.EROFS) {
		t.Errorf("a read-only file system: got %v, want ErrDenied and EROFS", err)
	}
}

// asNobody runs what is denied to everybody but root, for whom nothing is, on a thread
// without root's rights on files. To other users it makes no difference.
func asNobody(t *testing.T, run func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Geteuid() == 0 {
		_ = unix.Setfsuid(65534)
		defer func() { _ = unix.Setfsuid(0) }()
		if got, _ := unix.SetfsuidRetUid(-1); got != 65534 {
			t.Fatalf("the thread still reads files as user %d", got)
		}
	}
	run()
}

func TestReadTruncated(t *testing.T) {
	bucket := open(t)
	content := storagetest.Content(100_000, 1)
	storagetest.Put(t, bucket, "key", content)
	r, err := bucket.Open(t.Context(), storage.Object{Key: "key"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.Truncate(filepath.Join(bucket.path, "key"), 50_000); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(got, content[:50_000]) {
		t.Errorf("read of a file cut short: got %d bytes and error %v, want 50000 and io.ErrUnexpectedEOF", len(got), err)
	}
}

func TestPutFailsInTheMiddle(t *testing.T) {
	bucket := open(t) // checks that no partial file is left
	cause := errors.New("spool gone")
	up := storagetest.Upload("folder/key", storagetest.Content(1<<20, 1))
	up.Body = failingBody{up.Body, cause}
	if _, err := bucket.Put(context.Background(), up); !errors.Is(err, cause) {
		t.Errorf("Put: got error %v, want the body's", err)
	}
}

type failingBody struct {
	io.ReaderAt
	err error
}

func (b failingBody) ReadAt(p []byte, offset int64) (int, error) {
	if offset > 500_000 {
		return 0, b.err
	}
	return b.ReaderAt.ReadAt(p, offset)
}
