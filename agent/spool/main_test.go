package spool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
)

// roleVariable makes this test binary, started again, a process with one task in the folder that its argument names.
const roleVariable = "ETCDWARD_SPOOL_TEST_CHILD"

func TestMain(m *testing.M) {
	snapshot.ChildMain()
	if role := os.Getenv(roleVariable); role != "" {
		err := child(role, os.Args[1])
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// child does its task until it is killed.
func child(role, folder string) error {
	s, area, err := openIn(folder, 20_000)
	if err != nil {
		return err
	}
	if role == "lock" {
		if _, err := s.Lock(context.Background()); err != nil {
			return err
		}
		fmt.Println("locked")
		<-time.After(time.Hour) // it is killed before
	}
	for {
		// Several processes use the same few seconds, so that IDs clash.
		m := manifest(rand.Int64N(30), 1000+rand.IntN(5000))
		if err := add(s, area, m); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		fmt.Println("added")
		entries, err := s.List()
		if err != nil {
			return err
		}
		for _, e := range entries {
			if rand.IntN(3) == 0 {
				if err := s.Delivered(e.Manifest.ID, e.Pending[rand.IntN(len(e.Pending))]); err != nil {
					return err
				}
				fmt.Println("delivered")
			}
		}
		if _, err := s.Sweep(context.Background()); err != nil {
			return err
		}
	}
}

func openIn(folder string, limit int64) (*Spool, *staging.Area, error) {
	making, err := staging.Open(filepath.Join(folder, "staging"))
	if err != nil {
		return nil, nil, err
	}
	area, err := staging.Open(filepath.Join(folder, "spool"))
	if err != nil {
		return nil, nil, err
	}
	return Open(area, limit), making, nil
}

// open gives an empty spool, and the area where its data is made.
func open(t *testing.T, limit int64) (*Spool, *staging.Area) {
	t.Helper()
	s, making, err := openIn(t.TempDir(), limit)
	if err != nil {
		t.Fatal(err)
	}
	return s, making
}

// manifest is one of a snapshot taken so many seconds after a fixed time, whose sealed bytes are content(second, size).
func manifest(second int64, size int) snapshot.Manifest {
	sum := sha256.Sum256(content(second, size))
	id := snapshot.NewID(time.Date(2026, 11, 22, 10, 0, int(second), 0, time.UTC), 100)
	return snapshot.Manifest{
		Format: snapshot.Format, ID: id.String(), TakenAt: id.TakenAt,
		Facts:  snapshot.Facts{Revision: id.Revision},
		Object: snapshot.Stored{SizeBytes: int64(size), SHA256: hex.EncodeToString(sum[:])},
	}
}

func content(second int64, size int) []byte {
	random := rand.New(rand.NewPCG(uint64(second), uint64(size)))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// stage makes the sealed file of a manifest.
func stage(making *staging.Area, m snapshot.Manifest) (*os.File, error) {
	file, err := making.Create("sealed")
	if err != nil {
		return nil, err
	}
	_, err = file.Write(content(int64(m.TakenAt.Second()), int(m.Object.SizeBytes)))
	return file, err
}

// add makes the sealed file of a manifest and adds it, for the stores "near" and "far".
func add(s *Spool, making *staging.Area, m snapshot.Manifest) error {
	file, err := stage(making, m)
	if err != nil {
		return err
	}
	if _, err := s.Add(file, Entry{Manifest: m, Pending: []string{"near", "far"}}); err != nil {
		return errors.Join(err, staging.Discard(file))
	}
	return file.Close()
}

func mustAdd(t *testing.T, s *Spool, making *staging.Area, m snapshot.Manifest) {
	t.Helper()
	if err := add(s, making, m); err != nil {
		t.Fatalf("Add %s: %v", m.ID, err)
	}
}

// list gives the IDs of the entries, each of which must be whole.
func list(t *testing.T, s *Spool) []string {
	t.Helper()
	entries, err := s.List()
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.Manifest.ID)
		file, err := s.Data(e.Manifest.ID)
		if err != nil {
			t.Errorf("%s is listed: %v", e.Manifest.ID, err)
			continue
		}
		var got bytes.Buffer
		if _, err := io.Copy(&got, file); err != nil {
			t.Error(err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
		if want := content(int64(e.Manifest.TakenAt.Second()), int(e.Manifest.Object.SizeBytes)); !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s is listed with %d bytes that are not its %d", e.Manifest.ID, got.Len(), len(want))
		}
		if len(e.Pending) == 0 {
			t.Errorf("%s is listed and waits for no store", e.Manifest.ID)
		}
	}
	return ids
}

// files gives the names in the spool's folder.
func files(t *testing.T, s *Spool) []string {
	t.Helper()
	entries, err := os.ReadDir(s.area.Path())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// wantOnly checks that the folder holds the entries named, and nothing else but the lock.
func wantOnly(t *testing.T, s *Spool, ids []string) {
	t.Helper()
	var want []string
	for _, id := range ids {
		want = append(want, id+".data", id+".json")
	}
	slices.Sort(want)
	if got := slices.DeleteFunc(files(t, s), func(name string) bool { return name == ".lock" }); !slices.Equal(got, want) {
		t.Errorf("the folder holds %s, want %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}

// start starts a process with a task in the folder that holds both areas of the spool.
func start(t *testing.T, s *Spool, role string) (cmd *exec.Cmd, out io.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), self, filepath.Dir(s.area.Path()))
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	if out, err = cmd.StdoutPipe(); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return cmd, out
}
