package storage_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/directory"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// archive is a bucket that has all versions it ever had.
type archive struct {
	storage.Bucket
	versions []archived
}

type archived struct {
	storage.Object
	content string // "": a deletion
}

// ListAt implements storage.Historian.
func (a *archive) ListAt(_ context.Context, prefix string, at time.Time) iter.Seq2[storage.Object, error] {
	then := map[string]archived{}
	for _, v := range a.versions {
		if strings.HasPrefix(v.Key, prefix) && !v.Stored.After(at) {
			then[v.Key] = v
		}
	}
	var objects []storage.Object
	for _, v := range then {
		if v.content != "" {
			objects = append(objects, v.Object)
		}
	}
	slices.SortFunc(objects, func(a, b storage.Object) int { return cmp.Compare(a.Key, b.Key) })
	return func(yield func(storage.Object, error) bool) {
		for _, obj := range objects {
			if !yield(obj, nil) {
				return
			}
		}
	}
}

func (a *archive) Open(_ context.Context, obj storage.Object) (io.ReadCloser, error) {
	for _, v := range slices.Backward(a.versions) {
		if v.Key == obj.Key && (obj.Version == "" || v.Version == obj.Version) && v.content != "" {
			return io.NopCloser(strings.NewReader(v.content)), nil
		}
	}
	return nil, fs.ErrNotExist
}

func TestAsOf(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	version := func(key, id string, hour int, content string) archived {
		return archived{storage.Object{Key: key, Version: id, Stored: noon.Add(time.Duration(hour) * time.Hour)}, content}
	}
	bucket := &archive{versions: []archived{
		version("a/overwritten", "1", 0, "good"), version("a/deleted", "2", 0, "good"), version("a/deleted.json", "3", 0, "longer name"),
		version("a/overwritten", "4", 2, "bad"), version("a/deleted", "5", 2, ""), version("a/new", "6", 2, "new"), version("a/new.json", "7", 0, "older"),
	}}
	for _, test := range []struct {
		hour   int
		listed string
		opened map[string]string // "": there is none
	}{
		{-1, "", map[string]string{"a/overwritten": "", "a/new": ""}},
		{0, "2 3 7 1", map[string]string{"a/overwritten": "good", "a/deleted": "good", "a/new": "", "a": ""}},
		{1, "2 3 7 1", map[string]string{"a/overwritten": "good", "a/deleted": "good", "a/new": ""}},
		{2, "3 6 7 4", map[string]string{"a/overwritten": "bad", "a/deleted": "", "a/new": "new"}},
	} {
		past := storage.NewAsOf(bucket, noon.Add(time.Duration(test.hour)*time.Hour))
		var ids []string
		for _, obj := range storagetest.List(t, past, "a/") {
			ids = append(ids, obj.Version)
		}
		if got := strings.Join(ids, " "); got != test.listed {
			t.Errorf("List at hour %d: got versions %q, want %q", test.hour, got, test.listed)
		}
		for key, want := range test.opened {
			if want == "" {
				if _, err := past.Open(t.Context(), storage.Object{Key: key}); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("Open %s at hour %d: got error %v, want fs.ErrNotExist", key, test.hour, err)
				}
			} else if got := storagetest.Read(t, past, storage.Object{Key: key}); string(got) != want {
				t.Errorf("Open %s at hour %d: got %q, want %q", key, test.hour, got, want)
			}
		}
		// A version is a version.
		if got := storagetest.Read(t, past, storage.Object{Key: "a/overwritten", Version: "1"}); string(got) != "good" {
			t.Errorf("Open of a version at hour %d: got %q", test.hour, got)
		}
	}
}

// TestAsOfChangesNothing holds that nothing is written to the past, nor removed from it.
func TestAsOfChangesNothing(t *testing.T) {
	bucket, err := directory.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	obj := storagetest.Put(t, bucket, "a/key", []byte("x"))
	past := storage.NewAsOf(bucket, time.Now())
	_, put := past.Put(t.Context(), storagetest.Upload("a/new", nil))
	for _, err := range append(storage.DeleteAll(t.Context(), past, []storage.Object{obj}), put, past.Delete(t.Context(), obj)) {
		if !errors.Is(err, storage.ErrPast) {
			t.Errorf("got error %v, want ErrPast", err)
		}
	}
	if got := storagetest.List(t, bucket, ""); len(got) != 1 {
		t.Errorf("the bucket holds %v", got)
	}
	// A folder has no past.
	for _, err := range past.List(t.Context(), "a/") {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("List: got error %v, want errors.ErrUnsupported", err)
		}
	}
	if _, err := past.Open(t.Context(), storage.Object{Key: "a/key"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Open: got error %v, want errors.ErrUnsupported", err)
	}
}
