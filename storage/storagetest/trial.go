package storagetest

import (
	"testing"

	"github.com/etcdward/etcdward/storage"
)

// testTrial holds that a provider with this contract passes the trial that is made of a store, again and again, and that nothing is
// left of it.
func testTrial(t *testing.T, bucket storage.Bucket) {
	for range 3 {
		if err := storage.TryCreateOnly(t.Context(), bucket, "trial/create-only"); err != nil {
			t.Errorf("TryCreateOnly: %v", err)
		}
		wantList(t, bucket, "")
	}
	// What an earlier trial could not remove is in the way of none.
	first := Put(t, bucket, "trial/create-only", []byte("left by another release"))
	if err := storage.TryCreateOnly(t.Context(), bucket, "trial/create-only"); err != nil {
		t.Errorf("TryCreateOnly, something being there: %v", err)
	}
	wantContent(t, bucket, first, []byte("left by another release"))
}
