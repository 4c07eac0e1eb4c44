package storagetest

import (
	"testing"

	"github.com/etcdward/etcdward/storage"
)

func testDelete(t *testing.T, bucket storage.Bucket) {
	Put(t, bucket, "folder/key-2", []byte("stays"))
	for _, pinned := range []bool{false, true} {
		obj := Put(t, bucket, "folder/key", []byte("goes"))
		if !pinned {
			obj = storage.Object{Key: obj.Key}
		}
		for range 2 {
			if err := bucket.Delete(t.Context(), obj); err != nil {
				t.Fatalf("Delete, pinned %v: %v", pinned, err)
			}
			wantMissing(t, bucket, "folder/key")
			wantList(t, bucket, "", "folder/key-2")
		}
		// Gone for good: the key can hold something else now.
		again := Put(t, bucket, "folder/key", []byte("other"))
		wantContent(t, bucket, again, []byte("other"))
		if err := bucket.Delete(t.Context(), again); err != nil {
			t.Fatalf("Delete: %v", err)
		}
	}
	for _, key := range []string{"missing", "missing/key", "folder", "folder/key-2/below"} {
		if err := bucket.Delete(t.Context(), storage.Object{Key: key}); err != nil {
			t.Errorf("Delete %q, which is none: %v", key, err)
		}
	}
	wantContent(t, bucket, storage.Object{Key: "folder/key-2"}, []byte("stays"))
}

func testDeleteMany(t *testing.T, bucket storage.Bucket) {
	putMany(t, bucket)
	objects := List(t, bucket, "")
	stays := objects[7]
	objects = append(objects[:7:7], objects[8:]...)
	objects = append(objects, objects[0], storage.Object{Key: "missing"})
	errs := storage.DeleteAll(t.Context(), bucket, objects)
	if len(errs) != len(objects) {
		t.Fatalf("DeleteAll: got %d results for %d objects", len(errs), len(objects))
	}
	for i, err := range errs {
		if err != nil {
			t.Errorf("DeleteAll: %q: %v", objects[i].Key, err)
		}
	}
	wantList(t, bucket, "", stays.Key)
	if errs := storage.DeleteAll(t.Context(), bucket, nil); len(errs) != 0 {
		t.Errorf("DeleteAll of nothing: got %v", errs)
	}
	// A key that is refused spoils none of the others.
	errs = storage.DeleteAll(t.Context(), bucket, []storage.Object{{Key: "../x"}, stays})
	if len(errs) != 2 || errs[0] == nil || errs[1] != nil {
		t.Errorf("DeleteAll of a refused key and another: got %v, want an error for the first alone", errs)
	}
	wantList(t, bucket, "")
}
