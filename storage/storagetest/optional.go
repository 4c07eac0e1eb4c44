package storagetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/etcdward/etcdward/storage"
)

func testInspect(t *testing.T, bucket storage.Bucket) {
	inspector, ok := bucket.(storage.Inspector)
	if !ok {
		t.Log("this provider has no Inspector")
		return
	}
	properties, err := inspector.Inspect(t.Context())
	if err != nil {
		t.Fatalf("Inspect: %v", err)
	}
	if properties.Versioning.State == storage.On && Put(t, bucket, "key", nil).Version == "" {
		t.Errorf("Inspect: got versioning %v, while Put returns no version", properties.Versioning)
	}
}

func testHistory(t *testing.T, bucket storage.Bucket) {
	historian, ok := bucket.(storage.Historian)
	if !ok {
		t.Log("this provider has no Historian")
		return
	}
	listAt := func(at time.Time) []storage.Object {
		t.Helper()
		var objects []storage.Object
		for obj, err := range historian.ListAt(t.Context(), "folder/", at) {
			if err != nil {
				t.Fatalf("ListAt: %v", err)
			}
			objects = append(objects, obj)
		}
		return objects
	}
	Put(t, bucket, "elsewhere", []byte("x"))
	Put(t, bucket, "folder/key", []byte("then"))
	put := List(t, bucket, "folder/")[0] // with the store's own time, to the digit
	if before := listAt(put.Stored.Add(-time.Hour)); len(before) != 0 {
		t.Errorf("ListAt an hour before the Put: got %v, want nothing", before)
	}
	for _, at := range []time.Time{put.Stored, put.Stored.Add(time.Hour)} {
		now := listAt(at)
		if len(now) != 1 || now[0].Key != put.Key || now[0].Version != put.Version {
			t.Fatalf("ListAt: got %v, want %v", now, put)
		}
		if got := Read(t, bucket, now[0]); !bytes.Equal(got, []byte("then")) {
			t.Errorf("Open of what ListAt gave: got %q", got)
		}
	}
}

func testTidy(t *testing.T, bucket storage.Bucket) {
	tidier, ok := bucket.(storage.Tidier)
	if !ok {
		t.Log("this provider has no Tidier")
		return
	}
	// What is current is never removed, whatever the caller says of its key.
	Put(t, bucket, "folder/a", []byte("current"))
	Put(t, bucket, "folder/b", []byte("current"))
	removed, err := tidier.Tidy(t.Context(), "", func(string) bool { return false })
	if err != nil || removed != 0 {
		t.Errorf("Tidy: removed %d versions, error %v, want 0", removed, err)
	}
	wantList(t, bucket, "", "folder/a", "folder/b")
}
