package staging

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// makerVariable makes this test binary, started again, a process that makes two files in the folder it names and then waits
// to be killed.
const makerVariable = "ETCDWARD_STAGING_TEST_MAKER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(makerVariable); folder != "" {
		area, err := Open(folder)
		for range 2 {
			var file *os.File
			if err == nil {
				file, err = area.Create("made")
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println(file.Name())
		}
		<-time.After(time.Hour) // it is killed before
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T) *Area {
	t.Helper()
	area, err := Open(filepath.Join(t.TempDir(), "a", "staging"))
	if err != nil {
		t.Fatal(err)
	}
	return area
}

func create(t *testing.T, area *Area, prefix string) *os.File {
	t.Helper()
	file, err := area.Create(prefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Lstat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func sweep(t *testing.T, area *Area) int {
	t.Helper()
	removed, err := area.Sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return removed
}

func TestCreate(t *testing.T) {
	area := open(t)
	if info, err := os.Stat(area.Path()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, error %v", info.Mode(), err)
	}
	a, b := create(t, area, "snapshot"), create(t, area, "snapshot")
	if a.Name() == b.Name() || !strings.HasPrefix(filepath.Base(a.Name()), "snapshot-") || filepath.Dir(a.Name()) != area.Path() {
		t.Errorf("got %s and %s", a.Name(), b.Name())
	}
	if info, err := a.Stat(); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file is %v, error %v", info.Mode(), err)
	}
	if err := Discard(a); err != nil || exists(t, a.Name()) {
		t.Errorf("Discard: error %v, the file exists: %v", err, exists(t, a.Name()))
	}
	if err := Discard(a); err == nil {
		t.Error("Discard of a file that is closed: got no error")
	}
	// Discard leaves a file alone that was moved to its final place.
	kept := filepath.Join(area.Path(), "kept")
	if err := os.Rename(b.Name(), kept); err != nil {
		t.Fatal(err)
	}
	if err := Discard(b); err != nil || !exists(t, kept) {
		t.Errorf("Discard of a file that was moved: error %v, it exists: %v", err, exists(t, kept))
	}
}

func TestOpenNot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below"), filepath.Join(file, "far", "below")} {
		if _, err := Open(path); err == nil {
			t.Errorf("Open(%s): got no error", path)
		}
	}
	area := open(t)
	if err := os.Remove(area.Path()); err != nil {
		t.Fatal(err)
	}
	_, created := area.Create("a")
	_, swept := area.Sweep(t.Context())
	_, free := area.Free()
	for what, err := range map[string]error{"Create": created, "Sweep": swept, "Free": free, "Require": area.Require(1), "SyncFolder": SyncFolder(area.Path())} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s in a folder that is gone: got %v", what, err)
		}
	}
}

func TestRequire(t *testing.T) {
	area := open(t)
	free, err := area.Free()
	if err != nil || free <= 0 {
		t.Fatalf("Free: got %d, %v", free, err)
	}
	for _, bytes := range []int64{-1, 0, 1} {
		if err := area.Require(bytes); err != nil {
			t.Errorf("Require(%d): %v", bytes, err)
		}
	}
	err = area.Require(math.MaxInt64)
	if !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), fmt.Sprint(int64(math.MaxInt64))) {
		t.Errorf("Require of too much: got %v", err)
	}
}

// TestSweep checks that the files of a living process stay, and those of a killed one are removed.
func TestSweep(t *testing.T) {
	area := open(t)
	own := create(t, area, "own")
	closed := create(t, area, "closed")
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	folder, link := filepath.Join(area.Path(), "folder"), filepath.Join(area.Path(), "link")
	if err := errors.Join(os.Mkdir(folder, 0o700), os.Symlink(own.Name(), link)); err != nil {
		t.Fatal(err)
	}
	kill, made := maker(t, area.Path())
	if removed := sweep(t, area); removed != 1 || exists(t, closed.Name()) {
		t.Errorf("Sweep removed %d, the closed file exists: %v", removed, exists(t, closed.Name()))
	}
	for _, path := range append(made, own.Name(), folder, link) {
		if !exists(t, path) {
			t.Errorf("Sweep removed %s", path)
		}
	}
	kill()
	if removed, err := area.SweepPrefix(t.Context(), "other"); removed != 0 || err != nil {
		t.Errorf("SweepPrefix of another prefix removed %d, error %v", removed, err)
	}
	if removed := sweep(t, area); removed != 2 || exists(t, made[0]) || exists(t, made[1]) || !exists(t, own.Name()) {
		t.Errorf("Sweep after the kill removed %d", removed)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.ErrUnsupported)
	if _, err := area.Sweep(ctx); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Sweep with a context that ended: got %v", err)
	}
}

// maker starts a process that makes two files, and gives what kills it.
func maker(t *testing.T, folder string) (kill func(), made []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), makerVariable+"="+folder)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range 2 {
		if !lines.Scan() {
			t.Fatalf("the maker ended: %v", lines.Err())
		}
		made = append(made, lines.Text())
	}
	return func() {
		t.Helper()
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed, as it should be
	}, made
}

// TestRemoveAbandoned: the lock is of the file, whatever its name.
func TestRemoveAbandoned(t *testing.T) {
	area := open(t)
	if removed, err := RemoveAbandoned(filepath.Join(area.Path(), "none")); removed || err != nil {
		t.Errorf("no file: got %v, %v", removed, err)
	}
	file := create(t, area, "a")
	if removed, err := RemoveAbandoned(file.Name()); removed || err != nil {
		t.Errorf("a locked file: got %v, %v", removed, err)
	}
	moved := file.Name() + "-moved"
	if err := os.Rename(file.Name(), moved); err != nil {
		t.Fatal(err)
	}
	if removed, err := RemoveAbandoned(moved); removed || err != nil {
		t.Errorf("a locked file that was moved: got %v, %v", removed, err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if removed, err := RemoveAbandoned(moved); !removed || err != nil {
		t.Errorf("a file that nobody has open: got %v, %v", removed, err)
	}
}

func TestStillAt(t *testing.T) {
	area := open(t)
	file, other := create(t, area, "a"), create(t, area, "b")
	for path, want := range map[string]bool{file.Name(): true, other.Name(): false, file.Name() + "-none": false} {
		if same, err := stillAt(file, path); same != want || err != nil {
			t.Errorf("stillAt(%s): got %v, %v", path, same, err)
		}
	}
	if _, err := stillAt(file, filepath.Join(file.Name(), "below")); err == nil {
		t.Error("stillAt below a file: got no error")
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := stillAt(file, file.Name()); err == nil {
		t.Error("stillAt of a closed file: got no error")
	}
}

// TestSweptWhileMade has a sweeper at work all the time: no file that Create gives is gone.
func TestSweptWhileMade(t *testing.T) {
	area := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	swept := make(chan error)
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			_, err = area.Sweep(context.Background())
		}
		swept <- err
	}()
	for range 500 {
		file, err := area.Create("a")
		if err != nil {
			t.Error(err)
			break
		}
		if !exists(t, file.Name()) {
			t.Errorf("%s was swept while it was made", file.Name())
		}
		if err := Discard(file); err != nil {
			t.Error(err)
		}
	}
	cancel()
	if err := <-swept; err != nil {
		t.Error(err)
	}
}

// TestHandOver checks that what root makes in the folder of the daemon's user belongs to that user.
func TestHandOver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can give files away")
	}
	const uid, gid = 12345, 23456
	home := t.TempDir()
	if err := os.Chown(home, uid, gid); err != nil {
		t.Fatal(err)
	}
	owned := func(path string, uid, gid uint32) {
		t.Helper()
		var stat syscall.Stat_t
		if err := syscall.Lstat(path, &stat); err != nil || stat.Uid != uid || stat.Gid != gid {
			t.Errorf("%s belongs to %d:%d, want %d:%d, error %v", path, stat.Uid, stat.Gid, uid, gid, err)
		}
	}
	path := filepath.Join(home, "staging")
	for range 2 { // made, and found
		area, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		owned(path, uid, gid)
		owned(create(t, area, "a").Name(), uid, gid)
	}

	// What is root's already is not given away, neither here nor over a link.
	elsewhere := t.TempDir()
	for _, kind := range []string{"folder", "link"} {
		path := filepath.Join(home, kind)
		err := os.Symlink(elsewhere, path)
		if kind == "folder" {
			err = errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		}
		if err != nil {
			t.Fatal(err)
		}
		area, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		owned(create(t, area, "a").Name(), 0, 0)
	}
	owned(filepath.Join(home, "folder"), 0, 0)
	owned(elsewhere, 0, 0)

	// Nor what is a third one's.
	third := filepath.Join(home, "third")
	if err := errors.Join(os.Mkdir(third, 0o700), os.Chown(third, 777, 777)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(third); err != nil {
		t.Fatal(err)
	}
	owned(third, 777, 777)

	area := open(t) // in a folder of root's
	owned(area.Path(), 0, 0)
	owned(create(t, area, "a").Name(), 0, 0)
}

func TestSyncFolder(t *testing.T) {
	if err := SyncFolder(open(t).Path()); err != nil {
		t.Error(err)
	}
}

// TestSharedLock checks that bbolt, which takes a shared lock, can open the file, and that nobody gets an
// exclusive lock.
func TestSharedLock(t *testing.T) {
	file := create(t, open(t), "a")
	other, err := os.Open(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Flock(int(other.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		t.Errorf("a shared lock: got %v", err)
	}
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("an exclusive lock: got %v", err)
	}
}

// TestIn checks that nothing is made in a folder of somebody else's, and nothing is given away.
func TestIn(t *testing.T) {
	folder := t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.Chown(folder, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	area, err := In(folder)
	if err != nil {
		t.Fatal(err)
	}
	file, err := area.Create("fetched")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := Discard(file); err != nil {
			t.Error(err)
		}
	}()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
		t.Errorf("the file was given to %d", owner)
	}
	missing := filepath.Join(folder, "missing")
	if _, err := In(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
}
