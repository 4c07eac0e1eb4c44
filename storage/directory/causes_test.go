package directory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// refusal is an error of a file system, and what a person is to read of it.
type refusal struct {
	errno     unix.Errno
	says, try string
	kind      error
}

var refusals = []refusal{
	{unix.ENOSPC, "is full", "make room", nil},
	{unix.EDQUOT, "quota", "raise the quota", nil},
	{unix.EFBIG, "larger than the file system", "4 GiB", storage.ErrSetup},
	{unix.EROFS, "reading only", "mount it for writing", storage.ErrDenied},
	{unix.EACCES, "access denied", "chown -R etcdward:", storage.ErrDenied},
	{unix.EPERM, "access denied", "chown -R etcdward:", storage.ErrDenied},
	{unix.ENOKEY, "a ticket", "Kerberos", storage.ErrSetup},
	{unix.EKEYEXPIRED, "a ticket", "Kerberos", storage.ErrSetup},
	{unix.ESTALE, "no longer knows this folder", "mount it again", storage.ErrAway},
	{unix.ENOTCONN, "has ended", "umount -l", storage.ErrAway},
	{unix.EHOSTDOWN, "does not answer", "the network behind", storage.ErrAway},
	{unix.ETIMEDOUT, "does not answer", "the network behind", storage.ErrAway},
	{unix.EIO, "fails", "dmesg", nil},
	{unix.EREMOTEIO, "fails", "dmesg", nil},
	{unix.ENODEV, "no longer there", "plug it in", storage.ErrAway},
	{unix.ENAMETOOLONG, "a name of this length", "shorter", storage.ErrSetup},
	{unix.EILSEQ, "does not take this name", "utf8", storage.ErrSetup},
	{unix.EMFILE, "too many files open", "restart", nil},
	{unix.ENOLCK, "no locks", "rpc-statd", storage.ErrSetup},
	{unix.EMLINK, "more folders", "another file system", nil},
	{unix.ENOMEM, "out of memory", "free", nil},
	{unix.EBUSY, "in use", "no other program", nil},
}

// wantRefusal checks what became of a refusal.
func wantRefusal(t *testing.T, r refusal, err error) {
	t.Helper()
	var hinted interface{ Hint() string }
	switch {
	case err == nil || !strings.Contains(err.Error(), r.says):
		t.Errorf("%v: got error %v, want %q", r.errno, err, r.says)
		return
	case !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), r.try):
		t.Errorf("%v: the error %v gives no way out with %q", r.errno, err, r.try)
		return
	}
	for _, kind := range []error{storage.ErrSetup, storage.ErrDenied, storage.ErrKeys, storage.ErrAway, storage.ErrLocked, fs.ErrNotExist, fs.ErrExist} {
		want := r.kind != nil && errors.Is(r.kind, kind)
		if errors.Is(err, kind) != want {
			t.Errorf("%v: the error is %q: %v, want %v", r.errno, kind, !want, want)
		}
	}
	for _, word := range []string{"iam", "policy", "credentials", "bucket"} {
		if strings.Contains(strings.ToLower(err.Error()+hinted.Hint()), word) {
			t.Errorf("%v: %q and %q speak of %q, of which a folder has none", r.errno, err, hinted.Hint(), word)
		}
	}
}

// TestRefusals has a real share refuse a file, for every cause that is known.
func TestRefusals(t *testing.T) {
	for _, r := range refusals {
		t.Run(r.errno.Error(), func(t *testing.T) {
			share := storagetest.Mount(t, "-fail-create", fmt.Sprint(int(r.errno)))
			bucket, err := Open(share.Path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = bucket.Put(t.Context(), storagetest.Upload("key", nil))
			wantRefusal(t, r, err)
			if !errors.Is(err, r.errno) {
				t.Errorf("got error %v, which is not %v", err, r.errno)
			}
		})
	}
}

// TestShareGone ends the server of a share that is in use.
func TestShareGone(t *testing.T) {
	share := storagetest.Mount(t)
	bucket, err := Open(share.Path)
	if err != nil {
		t.Fatal(err)
	}
	storagetest.Put(t, bucket, "key", nil)
	share.Kill(t)
	_, put := bucket.Put(t.Context(), storagetest.Upload("other", nil))
	_, opened := bucket.Open(t.Context(), storage.Object{Key: "key"})
	for _, err := range []error{put, opened, bucket.Delete(t.Context(), storage.Object{Key: "key"})} {
		wantRefusal(t, refusal{unix.ENOTCONN, "has ended", "umount -l " + share.Path, storage.ErrAway}, err)
	}
	for _, err := range bucket.List(t.Context(), "") {
		wantRefusal(t, refusal{unix.ENOTCONN, "has ended", "umount -l " + share.Path, storage.ErrAway}, err)
	}
}

// TestPathRefused has paths that lead nowhere.
func TestPathRefused(t *testing.T) {
	folder := t.TempDir()
	file, loop := filepath.Join(folder, "file"), filepath.Join(folder, "loop")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(loop, loop)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]refusal{
		file:                                    {unix.ENOTDIR, "no folder is in the way", "folders alone", storage.ErrSetup},
		file + "/below":                         {unix.ENOTDIR, "no folder is in the way", "folders alone", storage.ErrSetup},
		loop:                                    {unix.ELOOP, "in a circle", "without links", storage.ErrSetup},
		folder + "/" + strings.Repeat("n", 300): {unix.ENAMETOOLONG, "a name of this length", "shorter", storage.ErrSetup},
		folder + "/none":                        {unix.ENOENT, "there is no such folder", "mount the share", storage.ErrAway},
	} {
		_, err := Open(path)
		wantRefusal(t, want, err)
	}
}
