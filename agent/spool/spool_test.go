package spool

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/etcdward/etcdward/agent/snapshot"
	"github.com/etcdward/etcdward/agent/staging"
)

func TestDelivered(t *testing.T) {
	s, making := open(t, 1<<20)
	if ids := list(t, s); ids != nil {
		t.Errorf("a new spool lists %v", ids)
	}
	late, early := manifest(9, 100), manifest(3, 200)
	mustAdd(t, s, making, late)
	mustAdd(t, s, making, early)
	if got := list(t, s); !slices.Equal(got, []string{early.ID, late.ID}) {
		t.Errorf("List: got %v, want the oldest first", got)
	}
	deliver := func(id, store string, want ...string) {
		t.Helper()
		if err := s.Delivered(id, store); err != nil {
			t.Fatalf("Delivered: %v", err)
		}
		entries, err := s.List()
		if err != nil {
			t.Fatal(err)
		}
		got := slices.IndexFunc(entries, func(e Entry) bool { return e.Manifest.ID == id })
		if (got < 0) != (want == nil) || got >= 0 && !slices.Equal(entries[got].Pending, want) {
			t.Errorf("after the delivery to %s: got %+v, want %v to wait", store, entries, want)
		}
	}
	deliver(early.ID, "near", "far")
	deliver(early.ID, "near", "far")    // again
	deliver(early.ID, "unheard", "far") // a store that it does not wait for
	entries, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if got := Waiting(entries); got["near"] != 1 || got["far"] != 2 {
		t.Errorf("Waiting: got %v", got)
	}
	deliver(early.ID, "far")
	deliver(early.ID, "far") // gone already
	wantOnly(t, s, []string{late.ID})
	if _, err := s.Data(early.ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Data of what was delivered: got %v", err)
	}
}

func TestAddNot(t *testing.T) {
	s, making := open(t, 1<<20)
	first := manifest(1, 100)
	mustAdd(t, s, making, first)
	other := first
	other.Object.SizeBytes = 77
	if err := add(s, making, other); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Add of an ID that is there: got %v", err)
	}
	for _, id := range []string{"", "../../evil", "20261122T100000Z-1/x"} {
		if err := add(s, making, snapshot.Manifest{ID: id}); err == nil {
			t.Errorf("Add of the ID %q: got no error", id)
		}
	}
	file, err := stage(making, manifest(2, 100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file.Name()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(file, Entry{Manifest: manifest(2, 100), Pending: []string{"near"}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Add of a file that is gone: got %v", err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	if got := list(t, s); !slices.Equal(got, []string{first.ID}) {
		t.Errorf("List: got %v, want only %s", got, first.ID)
	}
	wantOnly(t, s, []string{first.ID})
	if removed := len(files(t, &Spool{area: making})); removed != 0 {
		t.Errorf("%d files are left in the making", removed)
	}
}

// TestAddUnrecorded: where the record cannot be written the data does not stay.
func TestAddUnrecorded(t *testing.T) {
	s, making := open(t, 1<<20)
	m := manifest(1, 100)
	m.TookSeconds = math.Inf(1) // which JSON cannot hold
	if err := add(s, making, m); err == nil {
		t.Error("Add: got no error")
	}
	wantOnly(t, s, nil)
}

// TestAddOverOrphan: data of a process that was killed before its record is no hindrance.
func TestAddOverOrphan(t *testing.T) {
	s, making := open(t, 1<<20)
	m := manifest(1, 100)
	if err := os.WriteFile(s.dataPath(m.ID), []byte("cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, s, making, m)
	if got := list(t, s); !slices.Equal(got, []string{m.ID}) {
		t.Errorf("List: got %v", got)
	}
}

func TestLimit(t *testing.T) {
	s, making := open(t, 1000)
	var want []string
	for i := range int64(4) {
		mustAdd(t, s, making, manifest(10+i, 300))
		want = append(want, manifest(10+i, 300).ID)
	}
	if got := list(t, s); !slices.Equal(got, want[1:]) {
		t.Errorf("with 4 times 300 bytes and a limit of 1000: got %v, want %v", got, want[1:])
	}
	file, err := stage(making, manifest(20, 5000))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	dropped, err := s.Add(file, Entry{Manifest: manifest(20, 5000), Pending: []string{"near"}})
	if err != nil || len(dropped) != 3 || dropped[0].Manifest.ID != want[1] || dropped[2].Manifest.ID != want[3] {
		t.Errorf("Add of more than the limit: dropped %d, error %v", len(dropped), err)
	}
	// The newest stays, though it is larger than the limit.
	wantOnly(t, s, []string{manifest(20, 5000).ID})
	if got := list(t, s); !slices.Equal(got, []string{manifest(20, 5000).ID}) {
		t.Errorf("List: got %v", got)
	}
	// What the clock says to be the newest stays, even when an older one comes after it.
	mustAdd(t, s, making, manifest(15, 10))
	if got := list(t, s); !slices.Equal(got, []string{manifest(20, 5000).ID}) {
		t.Errorf("List after an older one: got %v", got)
	}
}

// TestDamagedRecord: it hides no other entry, ends no later snapshot, and its data stays for somebody to look at.
func TestDamagedRecord(t *testing.T) {
	for name, record := range map[string]string{
		"empty": "", "cut": `{"manifest":{"id":"2026`, "no fields": "{}", "null": "null", "a list": "[]", "rubbish": "\x00\x00\x00",
		"of another": `{"manifest":{"id":"20261122T100009Z-100","object":{"size_bytes":1}},"pending":["near"]}`,
	} {
		s, making := open(t, 1000)
		bad, good, next := manifest(1, 100), manifest(2, 100), manifest(3, 950)
		mustAdd(t, s, making, bad)
		mustAdd(t, s, making, good)
		if err := os.WriteFile(s.recordPath(bad.ID), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
		entries, err := s.List()
		if err == nil || len(entries) != 1 || entries[0].Manifest.ID != good.ID {
			t.Errorf("%s: List: got %d entries, error %v", name, len(entries), err)
		}
		mustAdd(t, s, making, next)
		entries, err = s.List()
		if err == nil || len(entries) != 1 || entries[0].Manifest.ID != next.ID {
			t.Errorf("%s: List after the next: got %d entries, error %v", name, len(entries), err)
		}
		if err := s.Delivered(bad.ID, "near"); err == nil {
			t.Errorf("%s: Delivered: got no error", name)
		}
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Errorf("%s: Sweep: %v", name, err)
		}
		if file, err := s.Data(bad.ID); err != nil {
			t.Errorf("%s: the data is gone: %v", name, err)
		} else if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPeek(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "no*folder[")
	if entries, err := Peek(folder); entries != nil || err != nil {
		t.Errorf("Peek where there is no folder: got %v, %v", entries, err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Peek made a folder: %v", err)
	}
	s, making, err := openIn(folder, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	mustAdd(t, s, making, manifest(1, 100))
	for _, foreign := range []string{"notes.json", "20261122T100000Z-1.json.bak", ".json"} {
		if err := os.WriteFile(filepath.Join(s.area.Path(), foreign), []byte("foreign"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := Peek(s.area.Path()); err != nil || len(entries) != 1 {
		t.Errorf("Peek: got %v, error %v", entries, err)
	}
	// A folder that cannot be read is not an empty one.
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Peek(file); err == nil {
		t.Error("Peek of a file: got no error")
	}
}

func TestSweep(t *testing.T) {
	s, making := open(t, 1<<20)
	kept := manifest(1, 100)
	mustAdd(t, s, making, kept)
	orphan, foreign := s.dataPath(manifest(2, 1).ID), filepath.Join(s.area.Path(), "foreign.data")
	record := filepath.Join(s.area.Path(), recordPrefix+"-123")
	for _, path := range []string{orphan, foreign, record} {
		if err := os.WriteFile(path, []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	living, err := s.area.Create(recordPrefix)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.ErrUnsupported)
	if _, err := s.Sweep(ctx); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Sweep with a context that ended: got %v", err)
	}
	if removed, err := s.Sweep(t.Context()); removed != 2 || err != nil {
		t.Errorf("Sweep removed %d, error %v, want 2", removed, err)
	}
	if _, err := os.Stat(living.Name()); err != nil {
		t.Errorf("Sweep removed a record that is being written: %v", err)
	}
	if err := errors.Join(staging.Discard(living), os.Remove(foreign)); err != nil {
		t.Errorf("Sweep touched what is foreign: %v", err)
	}
	wantOnly(t, s, []string{kept.ID})
}

// TestGone: without its folder the spool says so.
func TestGone(t *testing.T) {
	s, making := open(t, 1<<20)
	if err := os.RemoveAll(s.area.Path()); err != nil {
		t.Fatal(err)
	}
	_, swept := s.Sweep(t.Context())
	_, locked := s.Lock(t.Context())
	for what, err := range map[string]error{"Add": add(s, making, manifest(1, 100)), "Delivered": s.Delivered("x", "near"), "Sweep": swept, "Lock": locked} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// TestKilled kills two processes that add, deliver, sweep and clash, at any moment: what is listed is whole, and a sweep leaves
// nothing else.
func TestKilled(t *testing.T) {
	s, making := open(t, 20_000)
	swept := 0
	for range 30 {
		var children []*exec.Cmd
		var wg sync.WaitGroup
		for range 2 {
			cmd, out := start(t, s, "work")
			children = append(children, cmd)
			lines, killAt := bufio.NewScanner(out), rand.IntN(25)
			wg.Go(func() {
				for n := 0; ; n++ {
					if n == killAt {
						if err := cmd.Process.Kill(); err != nil {
							t.Error(err)
						}
					}
					if !lines.Scan() {
						return
					}
				}
			})
		}
		wg.Wait()
		for _, cmd := range children {
			_ = cmd.Wait() // killed, which is looked at
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
				t.Fatalf("a process ended by itself: %v", cmd.ProcessState)
			}
		}
		list(t, s)
		removed, err := s.Sweep(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		staged, err := making.Sweep(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		swept += removed + staged
		wantOnly(t, s, list(t, s))
		if left := files(t, &Spool{area: making}); len(left) != 0 {
			t.Errorf("in the making there is still %v", left)
		}
	}
	if swept == 0 {
		t.Error("no process died at its work: this test has not tested anything")
	}
}

// TestAtOnce: deliveries to two stores, and what the limit drops meanwhile, leave nothing that is not whole.
func TestAtOnce(t *testing.T) {
	s, making := open(t, 2000)
	var wg sync.WaitGroup
	for range 5 {
		for i := range int64(10) {
			if err := add(s, making, manifest(i, 500)); err != nil && !errors.Is(err, fs.ErrExist) {
				t.Fatal(err)
			}
			for _, store := range []string{"near", "far"} {
				wg.Go(func() {
					if err := s.Delivered(manifest(i, 500).ID, store); err != nil {
						t.Errorf("Delivered: %v", err)
					}
				})
			}
			wg.Go(func() {
				if _, err := s.Sweep(t.Context()); err != nil {
					t.Errorf("Sweep: %v", err)
				}
			})
		}
	}
	wg.Wait()
	wantOnly(t, s, list(t, s))
	if ids := list(t, s); len(ids) != 0 {
		t.Errorf("all was delivered, and %v still waits", ids)
	}
}
