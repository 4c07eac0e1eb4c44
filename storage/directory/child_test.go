package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/etcdward/etcdward/storage/storagetest"
)

// roleVariable makes this test binary, started again, a child with one task.
const roleVariable = "ETCDWARD_DIRECTORY_TEST_CHILD"

func isChild() bool { return os.Getenv(roleVariable) != "" }

// child does the task and ends the process.
func child() {
	var err error
	switch os.Getenv(roleVariable) {
	case "put":
		err = putForEver(os.Args[1], false)
	case "put by claim":
		err = putForEver(os.Args[1], true)
	case "full":
		err = fillUp(os.Args[1])
	default:
		err = errors.New("unknown role")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// command starts the test binary again.
func command(t *testing.T, role string, arguments ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, arguments...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

// putForEver stores objects. It prints an empty line at each read of a body, and the
// key of each object that is stored.
func putForEver(path string, claim bool) error {
	bucket, err := Open(path)
	if err != nil {
		return err
	}
	if claim {
		poor(bucket, unix.EPERM)
	}
	for {
		size := 1 + rand.IntN(2<<20)
		seed := byte(rand.IntN(256))
		key := fmt.Sprintf("folder-%d/%d-%d-%d", rand.IntN(3), size, seed, rand.Uint64())
		up := storagetest.Upload(key, storagetest.Content(size, seed))
		up.Body = printingBody{up.Body}
		if _, err := bucket.Put(context.Background(), up); err != nil {
			return err
		}
		fmt.Println(key)
	}
}

type printingBody struct{ io.ReaderAt }

func (b printingBody) ReadAt(p []byte, offset int64) (int, error) {
	fmt.Println()
	return b.ReaderAt.ReadAt(p, offset)
}

// fillUp mounts a file system of 1 MiB, for itself alone, and stores too much in it.
func fillUp(path string) error {
	if err := unix.Mount("none", path, "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	bucket, err := Open(path)
	if err != nil {
		return err
	}
	_, err = bucket.Put(context.Background(), storagetest.Upload("folder/key", storagetest.Content(3<<20, 1)))
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "the file system of the store is full") {
		return fmt.Errorf("Put: got error %w, want ENOSPC", err)
	}
	entries, err := os.ReadDir(path + "/folder")
	if err != nil || len(entries) != 0 {
		return fmt.Errorf("after a Put that did not fit there is %v, error %w", entries, err)
	}
	// The space is free again.
	_, err = bucket.Put(context.Background(), storagetest.Upload("folder/key", storagetest.Content(500<<10, 1)))
	return err
}
