package directory

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// partials returns the unfinished files of all hosts.
func partials(t *testing.T, bucket *Bucket) []string {
	t.Helper()
	var found []string
	for _, line := range tree(t, bucket.path) {
		name, _, _ := strings.Cut(filepath.Base(line), " ")
		if _, ok := partialHost(name); ok {
			found = append(found, name)
		}
	}
	return found
}

func TestPartialHost(t *testing.T) {
	for name, want := range map[string]string{
		".etcdward-cp-1-0123456789abcdef.partial":             "cp-1",
		".etcdward-cp-1.example.com-0123456789abcdef.partial": "cp-1.example.com",
		".etcdward-0123456789abcdef.partial":                  "none",
		".etcdward-cp-1-0123456789abcdeg.partial":             "none",
		".etcdward-cp-1-0123456789abcd.partial":               "none",
		".etcdward-cp-1-0123456789abcdef.part":                "none",
		"etcdward-cp-1-0123456789abcdef.partial":              "none",
		"20261122T100000Z-120001.db.partial":                  "none",
	} {
		host, ok := partialHost(name)
		if !ok {
			host = "none"
		}
		if host != want {
			t.Errorf("partialHost(%q): got %q, want %q", name, host, want)
		}
	}
}

func TestSweep(t *testing.T) {
	bucket := open(t)
	bucket.host = "cp-1"
	storagetest.Put(t, bucket, "v1/a/key", []byte("x"))
	begin := time.Now()
	make := func(host string, folder string) (name string, file *os.File) {
		t.Helper()
		writer := *bucket
		writer.host = host
		v, err := writer.enter()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = v.leave() }()
		at, err := v.openFolder(folder)
		if err != nil {
			t.Fatal(err)
		}
		defer at.Close()
		file, err = v.createPartial(at)
		if err != nil {
			t.Fatal(err)
		}
		return path.Join(folder, filepath.Base(file.Name())), file
	}
	inUse, inUseFile := make("cp-1", "v1/a")
	defer inUseFile.Close()
	ours, oursFile := make("cp-1", "v1")
	theirs, theirsFile := make("cp-2", "v1/a")
	for _, file := range []*os.File{oursFile, theirsFile} { // their writers died
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	foreign := filepath.Join(bucket.path, "v1", storage.Reserved+"notes.partial")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	for _, step := range []struct {
		name  string
		after time.Duration
		gone  []string
		stay  []string
	}{
		{"at once", 0, []string{ours}, []string{inUse, theirs}},
		{"a day later, nearly", abandoned - time.Minute, nil, []string{inUse, theirs}},
		{"a day later", abandoned + time.Minute, []string{theirs}, []string{inUse}},
		{"when the writer has died", abandoned + time.Minute, []string{inUse}, nil},
	} {
		if len(step.stay) == 0 {
			if err := inUseFile.Close(); err != nil {
				t.Fatal(err)
			}
		}
		bucket.now = func() time.Time { return begin.Add(step.after) }
		if removed, err := bucket.Sweep(t.Context(), "v2/"); removed != 0 || err != nil {
			t.Errorf("Sweep of another prefix, %s: removed %d, error %v, want 0", step.name, removed, err)
		}
		if removed, err := bucket.Sweep(t.Context(), "v1/"); removed != len(step.gone) || err != nil {
			t.Errorf("Sweep %s: removed %d, error %v, want %d", step.name, removed, err, len(step.gone))
		}
		for _, name := range step.gone {
			if _, err := os.Lstat(filepath.Join(bucket.path, name)); err == nil {
				t.Errorf("Sweep %s: %s is still there", step.name, name)
			}
		}
		for _, name := range append(step.stay, "v1/a/key") {
			if _, err := os.Lstat(filepath.Join(bucket.path, name)); err != nil {
				t.Errorf("Sweep %s: %s: %v", step.name, name, err)
			}
		}
	}
	if _, err := os.Lstat(foreign); err != nil {
		t.Errorf("Sweep removed a file that is none of ours: %v", err)
	}
}

// TestSweepBeforeLock has a sweep take a new file before its writer has locked it.
func TestSweepBeforeLock(t *testing.T) {
	bucket := open(t)
	v, err := bucket.enter()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.leave() }()
	folder, err := v.openFolder(".")
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	file, err := v.createPartial(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	swept, err := os.OpenFile(filepath.Join(bucket.path, file.Name()), os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer swept.Close()
	if locked, err := lock(swept); locked || err != nil {
		t.Errorf("lock of a file in use: got %v, error %v, want false", locked, err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(swept.Name()); err != nil {
		t.Fatal(err)
	}
	if locked, err := lock(swept); locked || err != nil {
		t.Errorf("lock of a file without a name: got %v, error %v, want false", locked, err)
	}
}
