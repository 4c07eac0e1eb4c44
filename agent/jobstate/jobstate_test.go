package jobstate

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etcdward/etcdward/schedule"
)

var someRecords = map[string]schedule.Record{
	"snapshot": {
		Schedule: "0 * * * *", Zone: "Europe/Berlin",
		Settled: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		Due:     time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		Started: time.Date(2026, 11, 22, 10, 0, 0, 1, time.UTC),
		Ended:   time.Date(2026, 11, 22, 10, 0, 12, 0, time.UTC),
		Error:   "no route to host",
		Next:    time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC),
	},
	"drill": {Schedule: "0 5 * * 0", Zone: "UTC", Settled: time.Date(2026, 11, 22, 9, 0, 0, 5, time.UTC), OK: true},
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestFileState(t *testing.T) {
	dir := t.TempDir()
	f := File{Path: filepath.Join(dir, "schedule.json")}
	if records, err := f.Load(); err != nil || len(records) != 0 || records == nil {
		t.Errorf("without a file: got %v, %v", records, err)
	}
	if _, err := Read(f.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: got %v", err)
	}
	// What a crash left behind does no harm, and its mode is not kept.
	if err := os.WriteFile(filepath.Join(dir, ".schedule.json.0badcafe.making"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(someRecords); err != nil {
		t.Fatal(err)
	}
	for _, read := range []func() (map[string]schedule.Record, error){f.Load, func() (map[string]schedule.Record, error) { return Read(f.Path) }} {
		if records, err := read(); err != nil || !maps.Equal(records, someRecords) {
			t.Errorf("got %+v, %v", records, err)
		}
	}
	if info, err := os.Stat(f.Path); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"schedule.json"}) {
		t.Errorf("left in the directory: %q", got)
	}
	text, err := os.ReadFile(f.Path)
	if err != nil || !strings.Contains(string(text), `"due": "2026-11-22T10:00:00Z"`) || strings.Contains(string(text), "0001-01-01") {
		t.Errorf("times: %s, %v", text, err)
	}
}

func TestFileStateFromALaterVersion(t *testing.T) {
	f := File{Path: filepath.Join(t.TempDir(), "schedule.json")}
	if err := os.WriteFile(f.Path, []byte(`{"format":1,"new":1,"jobs":{"a":{"settled":"2026-11-22T10:00:00Z","new":[]}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if records, err := f.Load(); err != nil || records["a"].Settled.IsZero() {
		t.Errorf("got %+v, %v", records, err)
	}
}

func TestDamagedState(t *testing.T) {
	for name, content := range map[string]string{
		"empty":         "",
		"cut off":       `{"format":1,"jobs":{"a":{"schedule":"0 *`,
		"more after it": `{"format":1,"jobs":{}}{}`,
		"another thing": `[]`,
		"no jobs":       `{"format":1}`,
		"other format":  `{"format":2,"jobs":{}}`,
		"no time":       `{"format":1,"jobs":{"a":{"settled":"yesterday"}}}`,
		"zeros":         strings.Repeat("\x00", 512),
		"huge":          `{"format":1,"jobs":{}}` + strings.Repeat(" ", largest),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := File{Path: filepath.Join(dir, "schedule.json")}
			if err := os.WriteFile(f.Path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Read(f.Path); !errors.Is(err, schedule.ErrStateDamaged) {
				t.Errorf("read: got %v", err)
			}
			if got := names(t, dir); !slices.Equal(got, []string{"schedule.json"}) {
				t.Errorf("reading it changed the directory: %q", got)
			}
			records, err := f.Load()
			if !errors.Is(err, schedule.ErrStateDamaged) || records == nil || len(records) != 0 {
				t.Errorf("load: got %v, %v", records, err)
			}
			if !strings.Contains(err.Error(), "moved to "+f.Path+".damaged") {
				t.Errorf("the error does not say where it is: %v", err)
			}
			if aside, err := os.ReadFile(f.Path + ".damaged"); err != nil || string(aside) != content {
				t.Errorf("moved aside: %q, %v", aside, err)
			}
			if _, err := f.Load(); err != nil {
				t.Errorf("the second time: %v", err)
			}
		})
	}
}

// A directory in its place can be neither read nor, where .damaged is one that
// is not empty, moved aside.
func TestUnreadableState(t *testing.T) {
	f := File{Path: filepath.Join(t.TempDir(), "schedule.json")}
	for _, dir := range []string{f.Path, filepath.Join(f.Path+".damaged", "full")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.Load()
	if !errors.Is(err, schedule.ErrStateDamaged) || !strings.Contains(err.Error(), "move it aside") {
		t.Errorf("got %v", err)
	}
	if err := os.RemoveAll(f.Path + ".damaged"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(); !errors.Is(err, schedule.ErrStateDamaged) || strings.Contains(err.Error(), "move it aside") {
		t.Errorf("got %v", err)
	}
}

func TestFailedSave(t *testing.T) {
	full := errors.New("no space left on device")
	dir := t.TempDir()
	f := File{Path: filepath.Join(dir, "schedule.json")}
	if err := f.Save(someRecords); err != nil {
		t.Fatal(err)
	}
	f.sync = func(*os.File) error { return full }
	if err := f.Save(map[string]schedule.Record{}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if records, err := f.Load(); err != nil || !maps.Equal(records, someRecords) {
		t.Errorf("the old state: %v, %v", records, err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"schedule.json"}) {
		t.Errorf("left in the directory: %q", got)
	}

	for name, path := range map[string]string{
		"no directory":      filepath.Join(dir, "none", "schedule.json"),
		"a directory there": dir,
		"not a directory":   filepath.Join(f.Path, "schedule.json"),
	} {
		t.Run(name, func(t *testing.T) {
			if err := (File{Path: path}).Save(someRecords); err == nil {
				t.Error("saved")
			}
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*.making")); err != nil || len(left) > 0 {
				t.Errorf("the temporary file stays: %q, %v", left, err)
			}
		})
	}
}

// The order makes a crash harmless: the content is durable before it gets its name,
// and the name before Save returns.
func TestSaveIsDurable(t *testing.T) {
	dir := t.TempDir()
	f := File{Path: filepath.Join(dir, "schedule.json")}
	var synced []string
	f.sync = func(file *os.File) error {
		_, err := os.Stat(f.Path)
		synced = append(synced, filepath.Base(file.Name())+map[bool]string{true: " before", false: " after"}[err != nil])
		return nil
	}
	if err := f.Save(someRecords); err != nil {
		t.Fatal(err)
	}
	if len(synced) != 2 || !strings.HasPrefix(synced[0], ".schedule.json.") || !strings.HasSuffix(synced[0], ".making before") || synced[1] != ". after" {
		t.Errorf("synced %q, want the file before it has its name, and then the folder", synced)
	}
}

func TestLoopGoesOnAfterDamage(t *testing.T) {
	f := File{Path: filepath.Join(t.TempDir(), "schedule.json")}
	if err := os.WriteFile(f.Path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	hourly, err := schedule.Parse("0 * * * *", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var outcomes []schedule.Outcome
		loop, err := schedule.NewLoop(schedule.Parts{
			Jobs:   []schedule.Job{{Name: "a", Schedule: hourly, Run: func(context.Context, schedule.Run) error { return nil }}},
			State:  f,
			Report: func(o schedule.Outcome) { outcomes = append(outcomes, o) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Minute)
		defer cancel()
		if err := loop.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if len(outcomes) != 2 || !errors.Is(outcomes[0].Err, schedule.ErrStateDamaged) || outcomes[0].Job != "" || outcomes[1].Err != nil {
			t.Errorf("got %+v", outcomes)
		}
	})
	if records, err := f.Load(); err != nil || !records["a"].OK {
		t.Errorf("got %+v, %v", records, err)
	}
}
